"""Makes the goldens of fine-tuning: twenty steps of PyTorch on tiny encoders with a classification head.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python tests/goldens/finetune/recipe.py

The encoders are those of `tests/goldens/encoder`, with their weights. Written beside this file, for `bert`, `albert` and
`tagging`, which is the first with a label a token:

- `<name>.safetensors`: the examples, `input_ids`, `attention_mask` and `token_type_ids` (int64 [20, seq]) and `labels` (int64
  [20]; of `tagging` [20, seq], -100 where none counts); the head as it starts, `classifier.weight` [classes, hidden] and `classifier.bias` [classes]; `losses` and `norms`
  [20], the loss of each step's batch before the step and the norm of all gradients before clipping; and `tuned.<parameter>`,
  every parameter after the last step, the encoder's under the names that it has by itself.

The model is transformers' own for sequence classification, a linear head on the pooled output, or for token classification. Batches are five rows in file
order, padded to their longest, the whole file five times over. AdamW at a constant rate of 1e-3, with a decay of 0.01 but for
biases and normalisations; gradients clipped to a norm of 1; no dropout. Everything in float32, in one thread, with the eager
attention.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
ENCODERS = HERE.parent / "encoder"
PINNED = {"torch": ("2.15.0", torch.__version__), "transformers": ("5.23.0", transformers.__version__)}
CLASSES, ROWS, BATCH, STEPS = 3, 20, 5, 20


def build(folder, model_class, config_class, encoder, prefix):
    settings = json.loads((ENCODERS / folder / "config.json").read_text())
    settings.pop("model_type")
    config = config_class(
        **settings, num_labels=CLASSES, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout_prob=0.0
    )
    config._attn_implementation = "eager"
    model = model_class(config).train()
    stored = load_file(ENCODERS / folder / "model.safetensors")
    state = {name.removeprefix(prefix): tensor.float() for name, tensor in stored.items() if name.startswith(prefix)}
    missing = getattr(model, encoder).load_state_dict(state, strict=False).missing_keys
    assert all("_ids" in name for name in missing), missing
    return model


def examples(vocabulary):
    lengths = torch.randint(3, 17, (ROWS,)).tolist()
    ids = torch.zeros(ROWS, max(lengths), dtype=torch.int64)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(1, vocabulary, (length,))
        mask[row, :length] = 1
        types[row, length // 2 : length] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def golden(name, folder, model_class, config_class, encoder, prefix, is_tagging=False):
    torch.manual_seed(7)
    model = build(folder, model_class, config_class, encoder, prefix)
    inputs = examples(model.config.vocab_size)
    labels = torch.randint(0, CLASSES, inputs["input_ids"].shape if is_tagging else (ROWS,))
    if is_tagging:
        # Special tokens, and tokens inside words; the third example has no label at all.
        labels[:, 0] = labels[2] = -100
        labels[torch.rand(labels.shape) < 0.3] = -100
        labels[inputs["attention_mask"] == 0] = -100
    torch.nn.init.normal_(model.classifier.weight, std=0.2)
    kept = inputs | {"labels": labels}
    kept |= {f"classifier.{part}": getattr(model.classifier, part).detach().clone() for part in ["weight", "bias"]}

    decayed, plain = [], []
    for parameter, tensor in model.named_parameters():
        (plain if parameter.endswith("bias") or "norm" in parameter.lower() else decayed).append(tensor)
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    losses, norms = [], []
    for step in range(STEPS):
        start = step * BATCH % ROWS
        batch = {key: tensor[start : start + BATCH] for key, tensor in inputs.items()}
        longest = int(batch["attention_mask"].sum(1).max())
        batch = {key: tensor[:, :longest] for key, tensor in batch.items()}
        logits = model(**batch).logits
        wanted = labels[start : start + BATCH]
        wanted = wanted[:, :longest].reshape(-1) if is_tagging else wanted
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, CLASSES), wanted)
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        optimizer.step()
        losses.append(float(loss))
    print(name, losses[0], losses[-1], min(norms), max(norms))
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    for parameter, tensor in model.named_parameters():
        kept[f"tuned.{parameter.removeprefix(encoder + '.')}"] = tensor
    save_file({key: tensor.detach().contiguous().clone() for key, tensor in kept.items()}, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    for package, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{package} is {found}; the goldens are made with {wanted}")
    torch.set_num_threads(1)
    golden("bert", "tiny", transformers.BertForSequenceClassification, transformers.BertConfig, "bert", "")
    golden("tagging", "tiny", transformers.BertForTokenClassification, transformers.BertConfig, "bert", "", is_tagging=True)
    golden("albert", "albert", transformers.AlbertForSequenceClassification, transformers.AlbertConfig, "albert", "albert.")
