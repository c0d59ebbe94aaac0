"""What plain transformers and PyTorch make of MiniLM on CoLA and on WNUT-17: the runs that `larder finetune` is laid beside.

Run by hand, once for each line of the comparison, in the virtual environment of `recipe.py` with two more packages:

    venv/bin/pip install torch==2.15.0 transformers==5.23.0 scikit-learn==1.9.1 seqeval==1.2.2
    LARDER_DATA=... venv/bin/python tests/goldens/finetune/reference.py cola MODEL --lr 5e-5 --seed 0

MODEL is a folder with `config.json`, `model.safetensors` and `tokenizer.json`; LARDER_DATA names the folder that has `cola` and
`wnut17`. One JSON document goes to standard output: the settings, the versions, the scores after each epoch on every split
that was not trained on, the loss and the norm of all gradients at each step, and the seconds that a step took. The same
seed, threads and machine give the same document but for the seconds.

Sequence: transformers' model for sequence classification, a linear head on the pooled output. Tagging: its model for token
classification; the loss is taken on each word's first sub-token, a word is answered by its first sub-token, and a word that
has none by `O`. Both: dropout as the model's configuration says (0.1 for MiniLM, in front of the head too); AdamW with
bias correction and a decay of 0.01 but for biases and normalisations; the rate rises over the first tenth of the steps and
falls linearly to 0; gradients clipped to a norm of 1; every epoch in an order of its own, drawn from the seed, rows as they
come, not bucketed by length; each batch padded to its longest row; no truncation; float32.
"""

import argparse
import json
import os
import pathlib
import sys
import time

import seqeval.metrics
import seqeval.scheme
import sklearn.metrics
import tokenizers
import torch
import transformers

# What design and publications name for the two.
TASKS = {"cola": {"lr": 5e-5, "epochs": 3, "rows": 32}, "wnut17": {"lr": 5e-5, "epochs": 4, "rows": 16}}
SPLITS = {
    "cola": {"train": "in_domain_train.tsv", "in_domain_dev": "in_domain_dev.tsv", "out_of_domain_dev": "out_of_domain_dev.tsv"},
    "wnut17": {"train": "train.conll", "dev": "dev.conll", "test": "test.conll"},
}
WARMUP, DECAY, CLIP, EVALUATION_ROWS, NO_LABEL = 0.1, 0.01, 1.0, 64, -100


def lines_of(path):
    """Lines end with a newline only: other separators may be part of a token."""
    return path.read_text(encoding="utf-8").split("\n")


def read_cola(path):
    """Sentences with their labels."""
    columns = [line.split("\t") for line in lines_of(path) if line]
    return [column[3] for column in columns], [int(column[1]) for column in columns]


def read_wnut17(path):
    """Lists of words with their lists of tags."""
    sentences, tags = [[]], [[]]
    for line in lines_of(path):
        word, _, tag = line.partition("\t")
        if tag.strip():
            sentences[-1].append(word)
            tags[-1].append(tag.strip())
        elif sentences[-1]:
            sentences.append([])
            tags.append([])
    if not sentences[-1]:
        sentences.pop()
        tags.pop()
    return sentences, tags


def firsts(encoding):
    """Each word's first token: position in the row by number of the word."""
    found = {}
    for position, word in enumerate(encoding.word_ids):
        if word is not None:
            found.setdefault(word, position)
    return found


class Split:
    """Token ids, labels as the model takes them, and what the scores are taken against."""

    def __init__(self, tokenizer, path, task, names):
        self.task, self.names = task, names
        texts, self.gold = (read_cola if task == "cola" else read_wnut17)(path)
        encodings = tokenizer.encode_batch(texts, is_pretokenized=task != "cola")
        self.ids = [encoding.ids for encoding in encodings]
        self.firsts = [firsts(encoding) for encoding in encodings] if task != "cola" else None

    def labels(self, row):
        if self.task == "cola":
            return self.gold[row]
        labels = [NO_LABEL] * len(self.ids[row])
        for word, position in self.firsts[row].items():
            labels[position] = self.names.index(self.gold[row][word])
        return labels

    def batch(self, rows):
        longest = max(len(self.ids[row]) for row in rows)

        def padded(values, filler):
            return torch.tensor([value + [filler] * (longest - len(value)) for value in values])

        ids = [self.ids[row] for row in rows]
        labels = [self.labels(row) for row in rows]
        return {
            "input_ids": padded(ids, 0),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
            "labels": torch.tensor(labels) if self.task == "cola" else padded(labels, NO_LABEL),
        }

    @torch.no_grad()
    def scores(self, model):
        model.eval()
        answers = [None] * len(self.ids)
        order = sorted(range(len(self.ids)), key=lambda row: len(self.ids[row]))
        for start in range(0, len(order), EVALUATION_ROWS):
            rows = order[start : start + EVALUATION_ROWS]
            best = model(**self.batch(rows)).logits.argmax(-1).tolist()
            for row, answer in zip(rows, best):
                answers[row] = answer
        if self.task == "cola":
            return {
                "accuracy": sklearn.metrics.accuracy_score(self.gold, answers),
                "mcc": float(sklearn.metrics.matthews_corrcoef(self.gold, answers)),
                "answered_1": sum(answers) / len(answers),
            }
        tags = []
        for row, gold in enumerate(self.gold):
            tags.append(["O"] * len(gold))
            for word, position in self.firsts[row].items():
                tags[-1][word] = self.names[answers[row][position]]
        return {
            "f1": float(seqeval.metrics.f1_score(self.gold, tags)),
            "f1_strict": float(seqeval.metrics.f1_score(self.gold, tags, mode="strict", scheme=seqeval.scheme.IOB2)),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rows", type=int, help="of a batch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    for setting, value in TASKS[options.task].items():
        if getattr(options, setting) is None:
            setattr(options, setting, value)
    if "LARDER_DATA" not in os.environ:
        sys.exit("LARDER_DATA must name the folder that has cola and wnut17")
    folder = pathlib.Path(os.environ["LARDER_DATA"]) / options.task

    torch.set_num_threads(options.threads)
    tokenizer = tokenizers.Tokenizer.from_file(str(options.model / "tokenizer.json"))
    # The file may ask for a fixed length: lengths are decided here.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if options.task == "cola":
        names, model_class = ["0", "1"], transformers.AutoModelForSequenceClassification
    else:
        tags = read_wnut17(folder / SPLITS["wnut17"]["train"])[1]
        names, model_class = sorted({tag for sentence in tags for tag in sentence}), transformers.AutoModelForTokenClassification
    splits = {name: Split(tokenizer, folder / file, options.task, names) for name, file in SPLITS[options.task].items()}
    train = splits.pop("train")

    torch.manual_seed(options.seed)
    model = model_class.from_pretrained(options.model, num_labels=len(names), dtype=torch.float32)
    decayed, plain = [], []
    for name, tensor in model.named_parameters():
        (plain if name.endswith("bias") or "norm" in name.lower() else decayed).append(tensor)
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.lr)
    batches = -(-len(train.ids) // options.rows)
    steps = batches * options.epochs
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, round(WARMUP * steps), steps)

    shuffle = torch.Generator().manual_seed(options.seed)
    losses, norms, epochs, seconds, processor = [], [], [], 0.0, 0.0
    for epoch in range(options.epochs):
        order = torch.randperm(len(train.ids), generator=shuffle).tolist()
        model.train()
        started, processor_started = time.perf_counter(), time.process_time()
        for start in range(0, len(order), options.rows):
            loss = model(**train.batch(order[start : start + options.rows])).loss
            optimizer.zero_grad()
            loss.backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        seconds += time.perf_counter() - started
        processor += time.process_time() - processor_started
        epochs.append({name: split.scores(model) for name, split in splits.items()})
        print(f"epoch {epoch + 1}, {seconds:.0f} s: {json.dumps(epochs[-1])}", file=sys.stderr, flush=True)

    settings = vars(options) | {"model": options.model.name}
    settings |= {"warmup": WARMUP, "weight_decay": DECAY, "clip": CLIP, "steps": steps, "labels": names}
    settings |= {"attention": model.config._attn_implementation}
    done = {
        "settings": settings,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "epochs": epochs,
        "seconds_per_step": seconds / steps,
        "processor_seconds_per_step": processor / steps,
        "losses": losses,
        "norms": norms,
    }
    print(json.dumps(done))


if __name__ == "__main__":
    main()
