"""Makes the goldens of fine-tuning: twenty steps of PyTorch on tiny encoders and on all-MiniLM-L6-v2, with a head.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 tokenizers==0.23.3
    venv/bin/python tests/goldens/finetune/recipe.py .larder/models/all-MiniLM-L6-v2

The argument is a folder with `config.json`, `model.safetensors` and `tokenizer.json`; without it only the tiny ones are made.

The tiny encoders are those of `tests/goldens/encoder`, with their weights. Written beside this file, for `bert` and `albert`,
`<name>.safetensors` for sequence classification and `<name>_tagging.safetensors` for token classification:

- the examples, `input_ids`, `attention_mask` and `token_type_ids` (int64 [20, seq]) and `labels` (int64 [20]; of tagging
  [20, seq], -100 where the loss does not look: at the marks, at all but the first sub-token of a word, at padding);
- the head as it starts, `classifier.weight` [classes, hidden] and `classifier.bias` [classes];
- `losses` and `norms` [20], the loss of each step's batch before the step and the norm of all gradients before clipping;
- `tuned.<parameter>`, every parameter after the last step, the encoder's under the names that it has by itself.

The model is transformers' own: for sequences a linear head on the pooled output, for tagging one on every token and the mean
of the loss over the tokens that have a label. Batches are five rows in file order, padded to their longest, the whole file
five times over. AdamW at a constant rate of 1e-3, with a decay of 0.01 but for biases and normalisations; gradients clipped to
a norm of 1; no dropout. Everything in float32, in one thread, with the eager attention.

The others, each named after its family, are the same of encoders of those families, some fine-tuned with other
options too (`FAMILIES` below), so that every option has PyTorch's word for it. Their head is linear on the first token's last
hidden state, on a pooling of the tokens', or on each token: the base model and `torch.nn.Linear`, as their classes in transformers
put other layers between. Ids begin at 5, above those that stand for padding.

`bert_multilabel` and `albert_regression` have targets that are numbers, `targets` float32 [20, classes] in place of `labels`: whether a
text has each of three labels, 0 or 1, under binary cross-entropy in batches of ten rows; and one number a text, of mean 0 and deviation
1, under the squared error. Both are transformers' own losses for these (`problem_type`), the means over all elements.

`bert_pair` has pairs of texts, each read by itself: the second is `second_input_ids` and so on, and a pair has one number, in
batches of ten. The head
is linear on the means u and v of the texts' last hidden states, each at unit length, and on |u - v| and u * v (`Pairs` below), and its
weights here are those of these features. They are trained on features with u and v at the length of the square root of the
hidden size, so that a feature is as large as those of other heads.

`bert_dropout`, `albert_dropout` and `distilbert_dropout` have the first losses and gradient norms of runs that drop, of all rows in one
batch: `loss` and `norm`, float64 [3], are the mean, the standard deviation and the kurtosis of `DRAWS` draws, with the ratios `RATIOS` at the
places that transformers drops from. DistilBERT's head is linear on the first token, before which nothing is dropped.

`minilm.safetensors` and `minilm_tagging.safetensors` are the same of MiniLM, on 40 rows: the first sentences of
`data/acceptability/train.tsv` and of `data/ner/train.conll` in its tokens; batches of eight rows, the file four times over, a
rate of 5e-5. MiniLM's parameters are too many to keep. In place of `tuned.<parameter>` there are, of every parameter:

- `sketch.<parameter>`, float32 [256], a count sketch (Charikar, Chen and Farach-Colton, 2002) of its values w after the last
  step: element i of the tensor, counted from 0 in row-major order, is added to bucket b(i) with the sign s(i), in float64,
  where z(i) is the output number i of SplitMix64 with the seed 2026, all in unsigned 64-bit arithmetic that wraps:

      z = 2026 + (i + 1) * 0x9E3779B97F4A7C15
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
      z = (z ^ (z >> 27)) * 0x94D049BB133111EB
      z = z ^ (z >> 31)
      b = z & 255,  s = -1 if z >> 63 else +1

  A sketch is linear, and the norm of a difference's sketch estimates the norm of the difference, to within
  about 5 % (the square of it has a relative standard deviation of at most sqrt(2 / 256)). The first outputs of that generator
  are in `FIRST` below.
- `size.<parameter>`, float64 [2]: the norm of w, and the norm of w - w0, how far it moved from where it started. Hold
  differences against the second too: without any decay this run ends within 1.1e-5 of all norms, but 2e-2 of the move of the
  word table, where another attention kernel of PyTorch's is within 1.2e-4 of every move (key biases left out of both).

`losses_float64` and `norms_float64` [20] are those of the same run in float64, from the same start, and say how much of a
difference is rounding: PyTorch's own.
"""

import json
import pathlib
import re
import sys

import numpy
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
ENCODERS = HERE.parent / "encoder"
sys.path.insert(0, str(ENCODERS))
import recipe_models
DATA = HERE.parents[2] / "data"
PINNED = {"torch": ("2.15.0", torch.__version__), "transformers": ("5.23.0", transformers.__version__)}
CLASSES, ROWS, BATCH, STEPS = 3, 20, 5, 20
MINILM_ROWS, MINILM_BATCH, MINILM_RATE = 40, 8, 5e-5
BUCKETS, SKETCH_SEED = 256, 2026
FIRST = [0xDB9C559891948D23, 0x78BC927DED35455D, 0xAAD71E75CDE2B88E]
NO_LABEL = -100
DRAWS, RATIOS = 12000, {"hidden": 0.3, "attention": 0.2, "head": 0.1}
# What the head reads, and what is set besides; what is not there is as for `bert`. `classes` weigh the loss, `frozen` begin the
# names of what is not trained, `decay` is the rate of a layer as a share of that above it, `head` the head's rate.
FAMILIES = {
    "distilbert": dict(reads="first", classes=[1.0, 2.0, 0.5], smoothing=0.1),
    "electra": dict(reads="first", decay=0.8, head=5e-3),
    "modernbert": dict(reads="mean"),
    "eurobert": dict(reads="mean"),
    "gte": dict(reads="mean"),
    "new": dict(reads="first"),
    "data2vec-text": dict(reads="mean"),
    "roberta-prelayernorm": dict(reads="mean"),
    "ernie": dict(reads="tokens"),
    "neobert": dict(reads="mean", decay=0.8),
    "nomic_bert": dict(reads="tokens"),
    "deberta-v2": dict(reads="first"),
    "deberta-v2_tagging": dict(folder="deberta-v2/own_products", reads="tokens"),
    "deberta-v2_convolution": dict(folder="deberta-v2/convolution", reads="mean"),
    "mpnet": dict(reads="tokens", frozen=("embeddings.", "encoder.relative_attention_bias.", "encoder.layer.0.")),
    "roberta": dict(reads="tokens", rows=10),
    "xlm-roberta": dict(reads="mean", betas=(0.8, 0.98), epsilon=1e-6),
    "distilbert_max": dict(folder="distilbert", reads="max"),
    "distilbert_lasttoken": dict(folder="distilbert", reads="lasttoken"),
    "distilbert_weightedmean": dict(folder="distilbert", reads="weightedmean"),
    "distilbert_mean_sqrt_len_tokens": dict(folder="distilbert", reads="mean_sqrt_len_tokens"),
}


def build(folder, model_class, config_class, encoder, prefix, classes=CLASSES):
    settings = json.loads((ENCODERS / folder / "config.json").read_text())
    settings.pop("model_type")
    config = config_class(
        **settings, num_labels=classes, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout_prob=0.0
    )
    config._attn_implementation = "eager"
    model = model_class(config).train()
    stored = load_file(ENCODERS / folder / "model.safetensors")
    state = {name.removeprefix(prefix): tensor.float() for name, tensor in stored.items() if name.startswith(prefix)}
    missing = getattr(model, encoder).load_state_dict(state, strict=False).missing_keys
    assert all("_ids" in name for name in missing), missing
    return model


def examples(vocabulary, first=1):
    lengths = torch.randint(3, 17, (ROWS,)).tolist()
    ids = torch.zeros(ROWS, max(lengths), dtype=torch.int64)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(first, vocabulary, (length,))
        mask[row, :length] = 1
        types[row, length // 2 : length] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def token_labels(mask):
    """Labels between the marks: of the first token there, and of two thirds of the others."""
    labels = torch.full_like(mask, NO_LABEL)
    for row, length in enumerate(mask.sum(1).tolist()):
        drawn = torch.randint(0, CLASSES, (length - 2,))
        first = torch.rand(length - 2) < 2 / 3
        first[0] = True
        labels[row, 1 : length - 1] = torch.where(first, drawn, NO_LABEL)
    return labels


def train(model, inputs, labels, rows, rate, options={}):
    """Losses and norms of every step; the model is tuned in place."""
    groups = []
    for parameter, tensor in model.named_parameters():
        if parameter.startswith(tuple(f"encoder.{frozen}" for frozen in options.get("frozen", ()))):
            tensor.requires_grad = False
            continue
        is_plain = parameter.endswith("bias") or "norm" in parameter.lower()
        scale = options["head"] / rate if "head" in options and parameter.startswith("classifier.") else 1.0
        if "decay" in options and not parameter.startswith("classifier."):
            layers = model.encoder.config.num_hidden_layers
            layer = re.search(r"\.(?:layer|transformer_encoder)\.(\d+)\.", parameter)
            # The normalisation behind the last layer is a part of it.
            number = int(layer[1]) if layer else layers - 1 if parameter.startswith("encoder.layer_norm.") else -1
            scale = options["decay"] ** (layers - 1 - number)
        groups.append({"params": [tensor], "weight_decay": 0.0 if is_plain else 0.01, "lr": rate * scale})
    optimizer = torch.optim.AdamW(groups, betas=options.get("betas", (0.9, 0.999)), eps=options.get("epsilon", 1e-8))
    weights = torch.tensor(options["classes"]) if "classes" in options else None
    losses, norms = [], []
    for step in range(STEPS):
        start = step * rows % len(labels)
        batch = {key: tensor[start : start + rows] for key, tensor in inputs.items()}
        longest = max(int(mask.sum(1).max()) for key, mask in batch.items() if key.endswith("attention_mask"))
        batch = {key: tensor[:, :longest] for key, tensor in batch.items()}
        wanted = labels[start : start + rows]
        if labels.is_floating_point():
            loss = model(**batch, labels=wanted).loss
        else:
            logits = model(**batch).logits
            if labels.dim() == 2:
                logits, wanted = logits.flatten(0, 1), wanted[:, :longest].flatten()
            loss = torch.nn.functional.cross_entropy(
                logits, wanted, weight=weights, ignore_index=NO_LABEL, label_smoothing=options.get("smoothing", 0.0)
            )
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses, norms


def save(kept, name):
    save_file({key: tensor.detach().contiguous().clone() for key, tensor in kept.items()}, HERE / f"{name}.safetensors")


def golden(name, folder, model_class, config_class, encoder, prefix):
    torch.manual_seed(7)
    kind = name.partition("_")[2]
    model = build(folder, model_class, config_class, encoder, prefix, 1 if kind == "regression" else CLASSES)
    inputs = examples(model.config.vocab_size)
    rows = BATCH
    if kind == "tagging":
        labels = token_labels(inputs["attention_mask"])
    elif kind == "multilabel":
        model.config.problem_type, rows = "multi_label_classification", 2 * BATCH
        labels = (torch.rand(ROWS, CLASSES) < torch.tensor([0.5, 0.3, 0.2])).float()
    elif kind == "regression":
        model.config.problem_type = "regression"
        labels = torch.randn(ROWS, 1)
        labels = (labels - labels.mean()) / labels.std(correction=0)
    else:
        labels = torch.randint(0, CLASSES, (ROWS,))
    torch.nn.init.normal_(model.classifier.weight, std=0.2)
    kept = inputs | {"targets" if labels.is_floating_point() else "labels": labels}
    kept |= {f"classifier.{part}": getattr(model.classifier, part).detach().clone() for part in ["weight", "bias"]}
    losses, norms = train(model, inputs, labels, rows, 1e-3)
    print(name, losses[0], losses[-1], min(norms), max(norms))
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    for parameter, tensor in model.named_parameters():
        kept[f"tuned.{parameter.removeprefix(encoder + '.')}"] = tensor
    save(kept, name)


class WithHead(torch.nn.Module):
    """An encoder and a linear head on what it reads."""

    def __init__(self, encoder, reads):
        super().__init__()
        self.encoder, self.reads = encoder, reads
        self.classifier = torch.nn.Linear(encoder.config.hidden_size, CLASSES)
        self.takes_types = getattr(encoder.config, "type_vocab_size", 0) > 1

    def forward(self, input_ids, attention_mask, token_type_ids):
        types = {"token_type_ids": token_type_ids} if self.takes_types else {}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        if self.reads == "first":
            hidden = hidden[:, 0]
        elif self.reads == "max":
            hidden = hidden.masked_fill(attention_mask.unsqueeze(-1) == 0, float("-inf")).max(1).values
        elif self.reads == "lasttoken":
            hidden = hidden[torch.arange(len(hidden)), attention_mask.sum(1) - 1]
        elif self.reads != "tokens":
            weight = attention_mask.float()
            if self.reads == "weightedmean":
                weight = weight * torch.arange(1, weight.shape[1] + 1)
            total = weight.sum(1, keepdim=True)
            if self.reads == "mean_sqrt_len_tokens":
                total = total.sqrt()
            hidden = (hidden * weight.unsqueeze(-1)).sum(1) / total
        return transformers.modeling_outputs.TokenClassifierOutput(logits=self.classifier(hidden))


def stored_encoder(name):
    """The encoder of a family with its stored weights, and without dropout and pooler."""
    folder = ENCODERS / name
    config = transformers.AutoConfig.from_pretrained(folder)
    for ratio in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(config, ratio):
            setattr(config, ratio, 0.0)
    encoder = transformers.AutoModel.from_config(config, attn_implementation="eager")
    # A parameter that is not read has no gradient, and no place in the golden.
    encoder.pooler = None
    known = dict(encoder.named_parameters())
    stored = load_file(folder / "model.safetensors")
    stored = getattr(encoder, "unpublished", lambda stored: stored)(stored)
    with torch.no_grad():
        for stored_name, tensor in stored.items():
            here = stored_name if stored_name in known else stored_name.partition(".")[2]
            if here in known:
                known.pop(here).copy_(tensor.float())
    assert not known, list(known)
    return encoder


def family(name, options):
    torch.manual_seed(7)
    encoder = stored_encoder(options.get("folder", name))
    model = WithHead(encoder, options["reads"]).train()
    inputs = examples(encoder.config.vocab_size, first=5)
    labels = token_labels(inputs["attention_mask"]) if options["reads"] == "tokens" else torch.randint(0, CLASSES, (ROWS,))
    torch.nn.init.normal_(model.classifier.weight, std=0.2)
    kept = inputs | {"labels": labels}
    if not model.takes_types:
        kept["token_type_ids"] = torch.zeros_like(inputs["token_type_ids"])
    kept |= {f"classifier.{part}": getattr(model.classifier, part).detach().clone() for part in ["weight", "bias"]}
    losses, norms = train(model, inputs, labels, options.get("rows", BATCH), 1e-3, options)
    print(name, losses[0], losses[-1], min(norms), max(norms))
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    # The first `encoder.` is this class's; some families have one of their own behind it.
    tuned = {parameter.removeprefix("encoder."): tensor for parameter, tensor in model.named_parameters()}
    tuned = getattr(encoder, "published", lambda tuned: tuned)(tuned)
    save(kept | {f"tuned.{parameter}": tensor for parameter, tensor in tuned.items()}, name)


def dropout(name):
    torch.manual_seed(7)
    if name == "distilbert":
        encoder = stored_encoder(name)
        model = WithHead(encoder, "first").train()
    else:
        folder, classes = {"bert": ("tiny", "Bert"), "albert": ("albert", "Albert")}[name]
        model_class = getattr(transformers, f"{classes}ForSequenceClassification")
        model = build(folder, model_class, getattr(transformers, f"{classes}Config"), name, "albert." if name == "albert" else "")
    torch.nn.init.normal_(model.classifier.weight, std=0.2)
    for place, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            is_attention = place.endswith(("attention.self.dropout", "attention.attention_dropout", "attention.dropout"))
            module.p = RATIOS["head" if place == "dropout" else "attention" if is_attention else "hidden"]
    inputs = examples(getattr(model, "encoder" if name == "distilbert" else name).config.vocab_size, first=5)
    if name == "distilbert":
        inputs["token_type_ids"].zero_()
    labels = torch.randint(0, CLASSES, (ROWS,))
    draws = []
    for _ in range(DRAWS):
        model.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels)
        loss.backward()
        norm = sum(p.grad.double().square().sum() for p in model.parameters() if p.grad is not None).sqrt()
        draws.append([float(loss.detach()), float(norm)])
    draws = torch.tensor(draws, dtype=torch.float64)
    apart = draws - draws.mean(0)
    deviation = apart.square().mean(0).sqrt()
    kept = inputs | {"labels": labels}
    kept |= {f"classifier.{part}": getattr(model.classifier, part) for part in ["weight", "bias"]}
    for column, what in enumerate(["loss", "norm"]):
        kept[what] = torch.stack([draws.mean(0), deviation, apart.pow(4).mean(0) / deviation**4])[:, column]
        print(f"{name}_dropout", what, kept[what].tolist())
    save(kept, f"{name}_dropout")


class Pairs(torch.nn.Module):
    """An encoder that reads each text by itself, and a linear head on what `mean` makes of both."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        self.classifier = torch.nn.Linear(4 * hidden, 1)
        length = hidden**0.5
        self.register_buffer("scale", torch.tensor([length, length, length, length * length]).repeat_interleave(hidden))

    def unit(self, attention_mask, **text):
        hidden = self.encoder(attention_mask=attention_mask, **text).last_hidden_state
        mean = (hidden * attention_mask.unsqueeze(-1)).sum(1) / attention_mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(mean)

    def forward(self, labels, **inputs):
        second = {key.removeprefix("second_"): inputs.pop(key) for key in list(inputs) if key.startswith("second_")}
        u, v = self.unit(**inputs), self.unit(**second)
        logits = self.classifier(torch.cat([u, v, (u - v).abs(), u * v], 1) * self.scale)
        return transformers.modeling_outputs.SequenceClassifierOutput(loss=torch.nn.functional.mse_loss(logits, labels))


def pairs():
    torch.manual_seed(7)
    encoder = build("tiny", transformers.BertForSequenceClassification, transformers.BertConfig, "bert", "").bert
    encoder.pooler = None
    model = Pairs(encoder).train()
    inputs = examples(encoder.config.vocab_size)
    inputs |= {f"second_{key}": tensor for key, tensor in examples(encoder.config.vocab_size).items()}
    widest = max(tensor.shape[1] for tensor in inputs.values())
    inputs = {key: torch.nn.functional.pad(tensor, (0, widest - tensor.shape[1])) for key, tensor in inputs.items()}
    labels = torch.randn(ROWS, 1)
    labels = (labels - labels.mean()) / labels.std(correction=0)
    torch.nn.init.normal_(model.classifier.weight, std=0.05)
    weight = lambda: (model.classifier.weight * model.scale).detach().clone()
    kept = inputs | {"targets": labels, "classifier.weight": weight(), "classifier.bias": model.classifier.bias.detach().clone()}
    losses, norms = train(model, inputs, labels, 2 * BATCH, 1e-3)
    print("bert_pair", losses[0], losses[-1], min(norms), max(norms))
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    kept |= {f"tuned.{parameter.removeprefix('encoder.')}": tensor for parameter, tensor in model.named_parameters()}
    # `embeddings` and `encoder` of BERT stand in `encoder` of the class.
    save(kept | {"tuned.classifier.weight": weight()}, "bert_pair")


def splitmix64(count):
    """Its first outputs."""
    z = numpy.uint64(SKETCH_SEED) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return z ^ (z >> numpy.uint64(31))


def sketch(tensor):
    values = tensor.detach().double().flatten().numpy()
    z = splitmix64(len(values))
    signed = numpy.where(z >> numpy.uint64(63), -values, values)
    buckets = (z & numpy.uint64(BUCKETS - 1)).astype(numpy.int64)
    return torch.from_numpy(numpy.bincount(buckets, weights=signed, minlength=BUCKETS)).float()


def sentences(tokenizer, tagging):
    """The first sentences of the checked-in data: inputs, labels and how many classes there are."""
    if tagging:
        blocks = (DATA / "ner/train.conll").read_text(encoding="utf-8").strip().split("\n\n")
        rows = [[line.split("\t") for line in block.split("\n")] for block in blocks]
        names = sorted({tag for row in rows for _, tag in row})
        rows = rows[:MINILM_ROWS]
        encodings = tokenizer.encode_batch([[word for word, _ in row] for row in rows], is_pretokenized=True)
    else:
        rows = [line.split("\t") for line in (DATA / "acceptability/train.tsv").read_text(encoding="utf-8").split("\n")]
        rows, names = rows[:MINILM_ROWS], ["0", "1"]
        encodings = tokenizer.encode_batch([row[3] for row in rows])
    longest = max(len(encoding.ids) for encoding in encodings)
    ids = torch.zeros(MINILM_ROWS, longest, dtype=torch.int64)
    mask, token_labels = torch.zeros_like(ids), torch.full_like(ids, NO_LABEL)
    for number, (row, encoding) in enumerate(zip(rows, encodings)):
        ids[number, : len(encoding.ids)] = torch.tensor(encoding.ids)
        mask[number, : len(encoding.ids)] = 1
        before = None
        for position, word in enumerate(encoding.word_ids):
            if tagging and word is not None and word != before:
                token_labels[number, position] = names.index(row[word][1])
            before = word
    labels = token_labels if tagging else torch.tensor([int(row[1]) for row in rows])
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}, labels, len(names)


def minilm(folder, name, model_class):
    torch.manual_seed(7)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    inputs, labels, classes = sentences(tokenizer, name.endswith("_tagging"))
    kept = inputs | {"labels": labels}

    def start(dtype):
        model = model_class.from_pretrained(
            folder, num_labels=classes, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout=0.0,
            attn_implementation="eager", dtype=torch.float32,
        )
        if "classifier.weight" not in kept:
            torch.nn.init.normal_(model.classifier.weight, std=0.02)
            torch.nn.init.zeros_(model.classifier.bias)
            kept.update({f"classifier.{part}": getattr(model.classifier, part).detach().clone() for part in ["weight", "bias"]})
        with torch.no_grad():
            for part in ["weight", "bias"]:
                getattr(model.classifier, part).copy_(kept[f"classifier.{part}"])
        return model.to(dtype).train()

    model = start(torch.float32)
    first = {parameter: tensor.detach().double().clone() for parameter, tensor in model.named_parameters()}
    losses, norms = train(model, inputs, labels, MINILM_BATCH, MINILM_RATE)
    reference = start(torch.float64)
    exact_losses, exact_norms = train(reference, inputs, labels, MINILM_BATCH, MINILM_RATE)
    exact = dict(reference.named_parameters())
    apart = max(abs(a - b) for a, b in zip(losses, exact_losses))
    print(name, losses[0], losses[-1], min(norms), max(norms), f"float64 is {apart:.1e} away")
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    kept |= {"losses_float64": torch.tensor(exact_losses, dtype=torch.float64)}
    kept |= {"norms_float64": torch.tensor(exact_norms, dtype=torch.float64)}
    furthest = []
    for parameter, tensor in model.named_parameters():
        stored = parameter.removeprefix("bert.")
        tuned = tensor.detach().double()
        size, moved = tuned.norm(), (tuned - first[parameter]).norm()
        kept[f"sketch.{stored}"] = sketch(tensor)
        kept[f"size.{stored}"] = torch.stack([size, moved])
        furthest.append((float((tuned - exact[parameter].detach()).norm() / size), float(moved / size), stored))
    furthest.sort(reverse=True)
    print("  float64's parameters, relative to the norm, beside the move: ", furthest[:3])
    print("  the same without key biases: ", [row for row in furthest if not row[2].endswith("key.bias")][:3])
    print("  the least moved: ", sorted(row[1:] for row in furthest)[:3])
    save(kept, name)


if __name__ == "__main__":
    for package, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{package} is {found}; the goldens are made with {wanted}")
    assert splitmix64(3).tolist() == FIRST, [hex(word) for word in splitmix64(3).tolist()]
    torch.set_num_threads(1)
    golden("bert", "tiny", transformers.BertForSequenceClassification, transformers.BertConfig, "bert", "")
    golden("albert", "albert", transformers.AlbertForSequenceClassification, transformers.AlbertConfig, "albert", "albert.")
    golden("bert_tagging", "tiny", transformers.BertForTokenClassification, transformers.BertConfig, "bert", "")
    golden(
        "albert_tagging", "albert", transformers.AlbertForTokenClassification, transformers.AlbertConfig, "albert", "albert."
    )
    golden("bert_multilabel", "tiny", transformers.BertForSequenceClassification, transformers.BertConfig, "bert", "")
    golden(
        "albert_regression", "albert", transformers.AlbertForSequenceClassification, transformers.AlbertConfig, "albert", "albert."
    )
    pairs()
    for name, options in FAMILIES.items():
        family(name, options)
    for name in ["bert", "albert", "distilbert"]:
        dropout(name)
    if len(sys.argv) > 1:
        model = pathlib.Path(sys.argv[1])
        minilm(model, "minilm", transformers.BertForSequenceClassification)
        minilm(model, "minilm_tagging", transformers.BertForTokenClassification)
