"""Makes the goldens of training graphs: what PyTorch says about losses and gradients of tiny encoders with a head.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python tests/goldens/graphs/recipe.py

The encoders are those of `tests/goldens/encoder`, with their weights. Written beside this file:

- `bert.safetensors`, `albert.safetensors`: inputs (int64 [batch, seq]), `labels` (int64 [batch]), the head's `weight`
  [classes, hidden] and `bias` [classes], `logits`, `loss`, and `grad.<parameter>` of every parameter. The loss is the mean
  softmax cross-entropy of a linear head on the sum of the pooled output and the mean of the last hidden state over the
  tokens that the mask marks: so every parameter has a part in it.
- `losses.safetensors`: `logits` [rows, classes] and `labels` [rows] of which some are not counted, `class_weights`,
  `truths` [rows, classes] of 0 and 1; of every loss with its settings the `value.<loss>` and, with respect to the logits,
  the `grad.<loss>`.

Everything is computed in float64, with the eager attention and no dropout, and stored in float32.
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
CLASSES = 3
LENGTHS = [9, 3, 12, 6]


def encoder(folder, model_class, config_class, prefix):
    settings = json.loads((ENCODERS / folder / "config.json").read_text())
    settings.pop("model_type")
    config = config_class(**settings, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config._attn_implementation = "eager"
    model = model_class(config).double().train()
    stored = load_file(ENCODERS / folder / "model.safetensors")
    state = {name.removeprefix(prefix): tensor.double() for name, tensor in stored.items() if name.startswith(prefix)}
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert all("_ids" in name for name in missing), missing
    return model


def batch(vocabulary):
    ids = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.int64)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        # Few different ids, so that many rows of the table are met several times.
        ids[row, :length] = torch.randint(1, vocabulary // 4, (length,))
        mask[row, :length] = 1
        types[row, length // 2 : length] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def golden(name, folder, model_class, config_class, prefix):
    torch.manual_seed(5)
    model = encoder(folder, model_class, config_class, prefix)
    inputs = batch(model.config.vocab_size)
    labels = torch.randint(0, CLASSES, (len(LENGTHS),))
    weight = (0.5 * torch.randn(CLASSES, model.config.hidden_size).double()).float()
    bias = (0.5 * torch.randn(CLASSES).double()).float()
    head = {"weight": weight.double().requires_grad_(), "bias": bias.double().requires_grad_()}

    out = model(**inputs)
    mask = inputs["attention_mask"].unsqueeze(-1).double()
    mean = (out.last_hidden_state * mask).sum(1) / mask.sum(1)
    logits = torch.nn.functional.linear(mean + out.pooler_output, head["weight"], head["bias"])
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()

    kept = inputs | {"labels": labels, "weight": weight, "bias": bias, "logits": logits.float(), "loss": loss.float()}
    for parameter, tensor in [*model.named_parameters(), *head.items()]:
        assert tensor.grad is not None, parameter
        kept[f"grad.{parameter}"] = tensor.grad.float()
    save_file({key: tensor.detach().contiguous().clone() for key, tensor in kept.items()}, HERE / f"{name}.safetensors")


def losses():
    torch.manual_seed(6)
    rows, classes = 7, 4
    logits = (2 * torch.randn(rows, classes)).float()
    labels = torch.tensor([1, 3, -100, 0, 1, -100, 2])
    class_weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    truths = torch.randint(0, 2, (rows, classes)).float()
    functional = torch.nn.functional
    cases = {
        "plain": lambda x: functional.cross_entropy(x, labels),
        "weighted": lambda x: functional.cross_entropy(x, labels, class_weights.double()),
        "smoothed": lambda x: functional.cross_entropy(x, labels, label_smoothing=0.1),
        "both": lambda x: functional.cross_entropy(x, labels, class_weights.double(), label_smoothing=0.2),
        "binary": lambda x: functional.binary_cross_entropy_with_logits(x, truths.double()),
        "positive": lambda x: functional.binary_cross_entropy_with_logits(
            x, truths.double(), pos_weight=torch.tensor(2.5).double()),
        "squared": lambda x: functional.mse_loss(x, truths.double()),
    }
    kept = {"logits": logits, "labels": labels, "class_weights": class_weights, "truths": truths}
    for name, loss in cases.items():
        x = logits.double().requires_grad_()
        value = loss(x)
        value.backward()
        kept |= {f"value.{name}": value.detach().float(), f"grad.{name}": x.grad.float()}
    save_file(kept, HERE / "losses.safetensors")


if __name__ == "__main__":
    for package, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{package} is {found}; the goldens are made with {wanted}")
    torch.set_num_threads(1)
    golden("bert", "tiny", transformers.BertModel, transformers.BertConfig, "")
    golden("albert", "albert", transformers.AlbertModel, transformers.AlbertConfig, "albert.")
    losses()
