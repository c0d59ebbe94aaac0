"""The start of `larder predict RUN TEXT` against a plain Python script that answers one text too: `just bench-startup`.

Both sides take turns, each a new process every time, with files that the system has in memory already:

  larder  the whole command: checks the encoder's files, tokenizes, runs the encoder, applies the head, prints the answer
  python  imports numpy, onnxruntime and tokenizers; opens the same tokenizer.json and model.onnx; prints the mean of the text's tokens

Prints wall and processor seconds of every round (all threads, the system's work for the process included), their medians, the median
and the range of the rounds' ratios larder / python, and the peak resident memory. Needs onnxruntime, numpy and tokenizers.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

from generated import usage

DEFAULT_ROUNDS = 15
TEXT = "wake me up at seven"


def plain(encoder: pathlib.Path):
    """What an ordinary user of onnxruntime writes, in a process of its own."""
    import numpy
    import onnxruntime
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(encoder / "tokenizer.json"))
    tokenizer.no_padding()
    session = onnxruntime.InferenceSession(encoder / "model.onnx", providers=["CPUExecutionProvider"])
    ids = numpy.array([tokenizer.encode(TEXT).ids], numpy.int64)
    feeds = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
    names = [output.name for output in session.get_outputs() if len(output.shape) == 3]
    hidden = session.run(names[:1], {port.name: feeds[port.name] for port in session.get_inputs()})[0]
    print(hidden[0].mean(axis=0)[:4])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default=os.environ.get("CARGO_TARGET_DIR", "target") + "/release/larder")
    parser.add_argument("--home", type=pathlib.Path, default="artifacts/bench/startup")
    parser.add_argument("--source", type=pathlib.Path, default=".larder/models/all-MiniLM-L6-v2")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--dataset", type=pathlib.Path, default="data/intents/intents.toml")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS, help="after one that is not counted")
    parser.add_argument("--plain", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        plain(arguments.plain)
        return 0

    larder = [str(arguments.larder), "--home", str(arguments.home)]
    made = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*larder, "encoder", "add", str(arguments.source), "--name", arguments.encoder, "--replace"], **made)
    subprocess.run([*larder, "run", str(arguments.dataset), "-e", arguments.encoder, "--run", "startup"], **made)
    encoder = arguments.home / "encoders" / arguments.encoder
    sides = {
        "larder": [*larder, "predict", "startup", TEXT],
        "python": [sys.executable, "-B", __file__, "--plain", str(encoder)],
    }
    found: dict[str, list[tuple[int, float, float]]] = {side: [] for side in sides}
    print("round   wall s: larder  python   processor s: larder  python", flush=True)
    for number in range(arguments.rounds + 1):
        # Who goes first alternates: what heats or fills the machine must not always hit the same side.
        order = list(sides) if number % 2 else list(sides)[::-1]
        taken = {side: usage(sides[side]) for side in order}
        (_, wall, processor), (_, python_wall, python_processor) = taken["larder"], taken["python"]
        name = str(number) if number else "warm-up"
        print(f"{name:<7} {wall:14.3f} {python_wall:7.3f} {processor:20.3f} {python_processor:7.3f}", flush=True)
        if number:
            for side in sides:
                found[side].append(taken[side])
    for at, clock in ((1, "wall"), (2, "processor")):
        medians = {side: statistics.median(one[at] for one in found[side]) for side in sides}
        ratios = [one[at] / other[at] for one, other in zip(found["larder"], found["python"])]
        print(
            f"{clock:<9} larder {medians['larder']:.3f} s, python {medians['python']:.3f} s; ratio "
            f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    peaks = {side: statistics.median(one[0] for one in found[side]) / 2**20 for side in sides}
    print(f"memory    peak MiB: larder {peaks['larder']:.0f}, python {peaks['python']:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
