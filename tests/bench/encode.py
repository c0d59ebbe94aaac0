"""Encoding CoLA's train split with larder, against plain ONNX Runtime in Python: `just bench-encode`.

Two sides take turns in one process tree, so that both see the same machine:

  larder  the whole of `larder encode`, a new process each time: start, load the model, read tokens, run, write Parquet
  python  the model runs alone: sentences sorted by length, batches of 32 padded to the longest, same file, same
          threads; tokenizing, making batches, opening the session and keeping the result are not counted

Prints the seconds of every round, both medians, and the median of the rounds' ratios larder / python. Needs
onnxruntime, numpy and tokenizers; options that this script does not know go to `larder encode`.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime
import tokenizers

BATCH_ROWS = 32
# Each is a whole pass over the split on both sides, 20 s on two cores.
DEFAULT_ROUNDS = 5


class Plain:
    """What an ordinary user of onnxruntime writes, with sorting by length already thought of."""

    def __init__(self, encoder: pathlib.Path, texts: list[str], threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            encoder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        hidden = [output for output in self.session.get_outputs() if len(output.shape) == 3]
        # The last hidden state comes first in every exporter's file that has one.
        self.outputs = [hidden[0].name]
        self.batches = self.make_batches(encoder, texts)

    def make_batches(self, encoder: pathlib.Path, texts: list[str]) -> list[dict[str, numpy.ndarray]]:
        tokenizer = tokenizers.Tokenizer.from_file(str(encoder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        encodings = sorted(tokenizer.encode_batch(texts), key=lambda encoding: len(encoding.ids))
        self.real_tokens = sum(len(encoding.ids) for encoding in encodings)
        self.computed_tokens = 0
        batches = []
        for start in range(0, len(encodings), BATCH_ROWS):
            rows = encodings[start : start + BATCH_ROWS]
            shape = (len(rows), len(rows[-1].ids))
            self.computed_tokens += shape[0] * shape[1]
            input_ids, attention_mask = numpy.zeros(shape, numpy.int64), numpy.zeros(shape, numpy.int64)
            for row, encoding in enumerate(rows):
                input_ids[row, : len(encoding.ids)] = encoding.ids
                attention_mask[row, : len(encoding.ids)] = 1
            feeds = {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                "token_type_ids": numpy.zeros(shape, numpy.int64),
            }
            batches.append({port.name: feeds[port.name] for port in self.session.get_inputs()})
        return batches

    def seconds(self) -> float:
        started = time.perf_counter()
        for batch in self.batches:
            self.session.run(self.outputs, batch)
        return time.perf_counter() - started


class Larder:
    """The binary, as a user starts it."""

    def __init__(self, arguments: argparse.Namespace, options: list[str]):
        self.features = arguments.home / "features"
        start = [str(arguments.larder), "--home", str(arguments.home)]
        subject = [str(arguments.dataset), "--encoder", arguments.encoder, "--split", arguments.split]
        subprocess.run([*start, "tokenize", *subject], check=True, stdout=subprocess.DEVNULL)
        threads = ["--threads", str(arguments.threads), "--device", "cpu"]
        self.command = [*start, "--json", "encode", *subject, *threads, *options]

    def seconds(self) -> tuple[float, float]:
        """Of the process, and of the encode stage in it."""
        # Else rows of the file there would be reused.
        shutil.rmtree(self.features, ignore_errors=True)
        started = time.perf_counter()
        done = subprocess.run(self.command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        self.said = done.stderr.strip()
        stages = json.loads(done.stdout)[0]["stages"]
        return seconds, next(stage["seconds"] for stage in stages if stage["stage"] == "encode")


def texts_of(path: pathlib.Path) -> list[str]:
    """Sentences of a file in CoLA's format: the fourth of four columns."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [line.split("\t")[3] for line in lines if line]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default="target/release/larder")
    parser.add_argument("--home", type=pathlib.Path, default="artifacts/bench/encode", help="emptied of features")
    parser.add_argument("--source", type=pathlib.Path, default=".larder/models/all-MiniLM-L6-v2")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--dataset", type=pathlib.Path, default="data/cola.toml")
    parser.add_argument("--split", default="train")
    parser.add_argument("--texts", type=pathlib.Path, required=True, help="that split's TSV file")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS, help="after one that is not counted")
    arguments, options = parser.parse_known_args()

    add = [str(arguments.larder), "--home", str(arguments.home), "encoder", "add", str(arguments.source)]
    subprocess.run([*add, "--name", arguments.encoder], check=True, stdout=subprocess.DEVNULL)
    larder = Larder(arguments, options)
    plain = Plain(arguments.home / "encoders" / arguments.encoder, texts_of(arguments.texts), arguments.threads)
    rows = sum(len(next(iter(batch.values()))) for batch in plain.batches)
    print(
        f"{rows:,} sentences, {plain.real_tokens:,} real tokens, {arguments.threads} threads, "
        f"onnxruntime {onnxruntime.__version__}; python computes {plain.computed_tokens:,} tokens, padding included"
    )

    print("round   larder s   of it encode s   python s   ratio", flush=True)
    processes, stages, runs = [], [], []
    for round_ in range(arguments.rounds + 1):
        # Who goes first alternates: what heats or fills the machine must not always hit the same side.
        if round_ % 2:
            (process, stage), run = larder.seconds(), plain.seconds()
        else:
            run, (process, stage) = plain.seconds(), larder.seconds()
        name = str(round_) if round_ else "warm-up"
        print(f"{name:<7} {process:8.2f} {stage:16.2f} {run:10.2f} {process / run:7.3f}", flush=True)
        if round_:
            processes.append(process)
            stages.append(stage)
            runs.append(run)

    median = statistics.median
    speed = plain.real_tokens / median(processes), plain.real_tokens / median(runs)
    print(larder.said)
    print(
        f"median  larder {median(processes):.2f} s ({speed[0]:,.0f} real tokens/s; "
        f"its encode stage {median(stages):.2f} s), "
        f"python {median(runs):.2f} s ({speed[1]:,.0f} real tokens/s)"
    )
    ratio = median(process / run for process, run in zip(processes, runs))
    print(f"ratio   {ratio:.3f} (median of the rounds' larder / python; at most 1 is the aim)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
