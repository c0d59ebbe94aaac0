"""A step of fine-tuning with larder, against transformers and PyTorch, interleaved: `just bench-finetune`.

The same examples in the same batches, the same head to begin with, the same optimizer: forward, backward, clipping to
a norm of 1, AdamW, the loss read at every step. The sides take turns, each a new process every time, so that each has
its own peak of memory:

  larder    `larder finetune`; wall time of a step from the run's history.parquet, processor time (all threads) as the
            difference between a run of all steps and one of the first few: starting and saving do not count
  bf16      the same with `--precision bf16`
  torch     AdamW as it comes
  fused     AdamW(fused=True)
  autocast  the same with the forward pass in torch.autocast's bfloat16

PyTorch's attention, eager or sdpa, is the one whose step took less processor time in a round that is not counted. All
sides are measured over the same steps, the first few left out. Prints, for each kind of batch and each ratio of
dropout, the milliseconds of a step in every round, the median and the range of the rounds' ratios of larder and bf16 to
each side of PyTorch's in wall time and in processor time, and the peak resident memory of the processes with its ratios.
Without dropout the losses must agree: it fails if they do not.

Needs torch, transformers, tokenizers, safetensors and pyarrow; options that this script does not know go to
`larder finetune`.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROWS, RATE, DECAY, CLIP = 32, 5e-5, 0.01, 1.0
# Each round takes half a minute for CoLA's sentences and a minute for the long ones, on two cores.
DEFAULT_ROUNDS = 5
# Far above the rounding of so few steps, far below the effect of another batch or another rate.
LOSSES_AGREE = 1e-3
# Operands of products have 8 bits: the loss of a step moves by some thousandths.
ROUNDED_LOSSES_AGREE = 1e-2
# Words that are one token in most vocabularies, and how many make a row of 128 with the two marks.
WORDS = "the a of and to in is was for on with as by at from that this it he she they we house water new day".split()
LONG_WORDS = 126
# Steps of a whole run, and how many of them are left out; which ratios of dropout are measured.
KINDS = {"cola": (30, 5, (0.0, 0.1)), "long": (10, 2, (0.1,))}
OWN = ("larder", "bf16")
PEERS = ("torch", "fused", "autocast")
SIDES = OWN + PEERS


def read_rows(path, rows):
    """The first sentences and labels of a file in CoLA's format."""
    columns = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[:rows] if line]
    return [column[3] for column in columns], [int(column[1]) for column in columns]


def torch_steps(options):
    """The side of PyTorch, in a process of its own: one JSON document."""
    import resource

    import tokenizers
    import torch
    import transformers
    from safetensors.torch import load_file

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    texts, labels = read_rows(options.texts, ROWS * options.steps)
    tokenizer = tokenizers.Tokenizer.from_file(str(options.source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    batches = []
    for start in range(0, len(ids), ROWS):
        rows = ids[start : start + ROWS]
        longest = max(map(len, rows))
        batches.append(
            {
                "input_ids": torch.tensor([row + [0] * (longest - len(row)) for row in rows]),
                "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
                "labels": torch.tensor(labels[start : start + ROWS]),
            }
        )

    transformers.logging.set_verbosity_error()
    ratio = options.dropout
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        options.source, num_labels=2, dtype=torch.float32, attn_implementation=options.attention,
        hidden_dropout_prob=ratio, attention_probs_dropout_prob=ratio, classifier_dropout=ratio,
    )
    with torch.no_grad():
        for name, tensor in load_file(options.head).items():
            model.get_parameter(name).copy_(tensor)
    model.train()
    decayed, plain = [], []
    for name, tensor in model.named_parameters():
        (plain if name.endswith("bias") or "norm" in name.lower() else decayed).append(tensor)
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, fused=None if options.side == "torch" else True)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=options.side == "autocast")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    losses, wall, processor = [], [], []
    for batch in batches:
        started = time.perf_counter(), time.process_time()
        with autocast:
            loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        losses.append(float(loss.detach()))
        wall.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    shapes = [list(batch["input_ids"].shape) for batch in batches]
    done = {"losses": losses, "wall": wall, "processor": processor, "versions": versions, "shapes": shapes}
    print(json.dumps(done | {"peak_before": before * rss_unit()}))


def rss_unit():
    """macOS counts bytes, Linux kilobytes."""
    return 1 if sys.platform == "darwin" else 1024


def measured(command, environment=None):
    """What a process wrote, its processor seconds and its peak of resident bytes; what it said is shown if it fails."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environment, text=True
        )
        written = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command)}:\n{said.read()}")
    return written, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * rss_unit()


class Bench:
    """One kind of batch: its data, and a step of every side on it."""

    def __init__(self, arguments, options, kind):
        self.arguments, self.options, self.kind = arguments, options, kind
        self.steps, self.skip, self.dropouts = KINDS[kind]
        self.home = arguments.work / "home"
        self.folder = arguments.work / kind
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_data()
        self.start = [str(arguments.larder), "--home", str(self.home), "--json"]
        for split in ("train", "dev"):
            measured([*self.start, "tokenize", str(self.dataset), "--encoder", arguments.encoder, "--split", split])

    def write_data(self):
        """As many rows as the steps take: nothing is tokenized that is not used. A few to evaluate on."""
        if self.kind == "cola":
            lines = (self.arguments.cola / "in_domain_train.tsv").read_text(encoding="utf-8").split("\n")
        else:
            drawn = random.Random(1)
            lines = [
                f"long\t{drawn.randrange(2)}\t\t{' '.join(drawn.choices(WORDS, k=LONG_WORDS))}"
                for _ in range(ROWS * (self.steps + 1))
            ]
        self.texts = self.folder / "train.tsv"
        rows = ROWS * self.steps
        self.texts.write_text("\n".join(lines[:rows]) + "\n", encoding="utf-8")
        (self.folder / "dev.tsv").write_text("\n".join(lines[rows : rows + ROWS]) + "\n", encoding="utf-8")
        self.dataset = self.folder / f"bench-{self.kind}.toml"
        self.dataset.write_text(
            f'name = "bench-{self.kind}"\ntask = "sequence"\nformat = "tsv"\nheader = false\nquoting = false\n'
            '[columns]\ntext = 3\nlabel = 1\n[labels]\nnames = ["0", "1"]\n'
            '[splits]\ntrain = "train.tsv"\ndev = "dev.tsv"\n',
            encoding="utf-8",
        )

    def larder(self, side, dropout):
        import pyarrow.parquet

        arguments = self.arguments
        pinned = ["--batch-rows", ROWS, "--shuffle", "none", "--schedule", "constant", "--warmup", 0, "--lr", RATE]
        pinned += ["--weight-decay", DECAY, "--clip", CLIP, "--dropout", dropout]
        pinned += ["--init-head", arguments.work / "head.safetensors", "--threads", arguments.threads]
        if side == "bf16":
            pinned += ["--precision", "bf16"]
        processor, peak = {}, 0
        for steps in (self.skip, self.steps):
            run = self.home / "runs" / f"bench-{steps}"
            # Else it would be fresh, or taken up again.
            shutil.rmtree(run, ignore_errors=True)
            command = [*self.start, "finetune", self.dataset, "-e", arguments.encoder, "--steps", steps, *pinned]
            command += ["--run", run.name, *self.options]
            _, processor[steps], peak = measured([str(word) for word in command])
        columns = ["step", "loss", "seconds"]
        history = pyarrow.parquet.read_table(run / "history.parquet", columns=columns).sort_by("step").to_pydict()
        if len(history["step"]) != self.steps:
            sys.exit(f"{run / 'history.parquet'} has {len(history['step'])} steps, {self.steps} were asked for")
        counted = self.steps - self.skip
        return {
            "losses": history["loss"],
            "wall": sum(history["seconds"][self.skip :]) / counted,
            "processor": (processor[self.steps] - processor[self.skip]) / counted,
            "peak": peak,
        }

    def torch(self, side, dropout, attention):
        arguments = self.arguments
        command = [sys.executable, "-B", __file__, "--side", side, "--texts", self.texts, "--steps", self.steps]
        command += ["--source", arguments.source, "--head", arguments.work / "head.safetensors", "--dropout", dropout]
        command += ["--attention", attention, "--threads", arguments.threads]
        environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads), "HF_HUB_OFFLINE": "1"}
        written, _, peak = measured([str(word) for word in command], environment)
        found = json.loads(written)
        for clock in ("wall", "processor"):
            found[clock] = sum(found[clock][self.skip :]) / (self.steps - self.skip)
        return found | {"peak": peak}

    def faster_attention(self, dropout):
        tried = {attention: self.torch("fused", dropout, attention) for attention in ("eager", "sdpa")}
        self.shapes, self.versions = tried["sdpa"]["shapes"], tried["sdpa"]["versions"]
        seconds = {attention: found["processor"] for attention, found in tried.items()}
        said = ", ".join(f"{attention} {1e3 * taken:.0f} ms" for attention, taken in seconds.items())
        chosen = min(seconds, key=seconds.get)
        return chosen, f"attention: {chosen} ({said} of processor time)"

    def rounds(self, dropout):
        attention, said = self.faster_attention(dropout)
        tokens = [rows * longest for rows, longest in self.shapes[self.skip :]]
        print(
            f"\n{self.kind}: {ROWS} rows, {min(tokens) // ROWS} to {max(tokens) // ROWS} tokens wide "
            f"(mean {statistics.mean(tokens) / ROWS:.1f}), dropout {dropout:g}; {self.arguments.threads} threads, "
            f"{self.versions}; {said}"
        )
        names = "".join(f"{side:>9}" for side in SIDES)
        print(f"round   ms/step wall:{names}   processor:{names}", flush=True)
        results = []
        for number in range(self.arguments.rounds):
            # Who goes first changes: what heats or fills the machine must not always hit the same side.
            first = number % len(SIDES)
            order = SIDES[first:] + SIDES[:first]
            found = {}
            for side in order:
                found[side] = self.larder(side, dropout) if side in OWN else self.torch(side, dropout, attention)
            results.append(found)
            wall, processor = (
                "".join(f"{1e3 * found[side][clock]:9.0f}" for side in SIDES) for clock in ("wall", "processor")
            )
            print(f"{number + 1:<20} {wall}             {processor}", flush=True)
        for clock in ("wall", "processor"):
            for own in OWN:
                for peer in (*PEERS, *OWN[: OWN.index(own)]):
                    ratios = [found[own][clock] / found[peer][clock] for found in results]
                    print(
                        f"ratio   {clock} time, {own} / {peer}: {statistics.median(ratios):.3f} "
                        f"({min(ratios):.3f} to {max(ratios):.3f})"
                    )
        peaks = {side: statistics.median(found[side]["peak"] for found in results) for side in SIDES}
        before = statistics.median(found["torch"]["peak_before"] for found in results)
        print(
            "memory  peak MiB: " + ", ".join(f"{side} {peak / 2**20:.0f}" for side, peak in peaks.items())
            + f" (torch before the first step: {before / 2**20:.0f}); "
            + ", ".join(f"larder / {peer} {peaks['larder'] / peaks[peer]:.3f}" for peer in PEERS)
            + " (at most 1.5 is the aim)"
        )
        if dropout == 0.0:
            last = results[-1]
            for own, limit in zip(OWN, (LOSSES_AGREE, ROUNDED_LOSSES_AGREE)):
                apart = max(abs(a - b) for a, b in zip(last[own]["losses"], last["torch"]["losses"]))
                print(f"losses  of {own}'s {self.steps} steps are within {apart:.1e} of torch's")
                if not apart < limit:
                    sys.exit("the sides do not do the same work")
        sys.stdout.flush()


def write_head(arguments):
    """A head for both sides, drawn once."""
    import torch
    from safetensors.torch import save_file

    width = json.loads((arguments.source / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    weight = torch.randn(2, width, generator=torch.Generator().manual_seed(0)) * 0.02
    save_file({"classifier.weight": weight, "classifier.bias": torch.zeros(2)}, arguments.work / "head.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default=os.environ.get("CARGO_TARGET_DIR", "target") + "/release/larder")
    parser.add_argument("--work", type=pathlib.Path, default="artifacts/bench/finetune", help="for data and runs")
    parser.add_argument("--source", type=pathlib.Path, default=".larder/models/all-MiniLM-L6-v2", help="with weights")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2", help="the name that it gets")
    parser.add_argument("--cola", type=pathlib.Path, help="the folder that has in_domain_train.tsv")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of batches, separated by commas")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    # What follows is for the processes that this one starts.
    for inner in ("--side", "--attention"):
        parser.add_argument(inner, help=argparse.SUPPRESS)
    for inner in ("--texts", "--head"):
        parser.add_argument(inner, type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--dropout", type=float, help=argparse.SUPPRESS)
    arguments, options = parser.parse_known_args()
    if arguments.side:
        torch_steps(arguments)
        return
    kinds = arguments.kinds.split(",")
    for kind in kinds:
        if kind not in KINDS:
            sys.exit(f"unknown kind of batch `{kind}`: known are {', '.join(KINDS)}")
    if "cola" in kinds and arguments.cola is None:
        sys.exit("--cola must name the folder that has in_domain_train.tsv")

    arguments.work.mkdir(parents=True, exist_ok=True)
    write_head(arguments)
    home = ["--home", str(arguments.work / "home")]
    add = ["encoder", "add", str(arguments.source), "--name", arguments.encoder, "--replace"]
    measured([str(arguments.larder), *home, *add])
    for kind in kinds:
        bench = Bench(arguments, options, kind)
        for dropout in bench.dropouts:
            bench.rounds(dropout)


if __name__ == "__main__":
    main()
