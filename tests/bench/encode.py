"""Encoding with larder against what else runs the same file on a CPU, interleaved: `just bench-encode`.

The sides take turns, so that all see the same machine:

  f32, bfloat16, int8   the whole of `larder encode`, a new process each time: start, load the model, read tokens, run, write Parquet.
                        The encoder as it was added; with `--graph bfloat16`; and quantised (`larder encoder quantise`)
  onnxruntime           the model runs alone: sentences sorted by length, batches of 32 padded to the longest, same file, same
                        threads; tokenizing, making batches, opening the session and keeping the result are not counted
  openvino              the same by OpenVINO with its defaults, which are bfloat16 where the processor has it, and as many streams as
                        threads, each with a request of its own

Prints the seconds of every round, the medians, each side's ratio to onnxruntime (median and range of the rounds), and how far a side's
vectors are from those of f32: the mean cosine over sentences. Needs onnxruntime, numpy, tokenizers and pyarrow, and openvino for its
side; options that this script does not know go to `larder encode`.
"""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime
import pyarrow.parquet
import tokenizers

BATCH_ROWS = 32
# Each is a whole pass over the split on every side, half a minute on two cores.
DEFAULT_ROUNDS = 5
LARDER_SIDES = ("f32", "bfloat16", "int8")
PEERS = ("onnxruntime", "openvino")
# Words that are one token in most vocabularies; so many make a paragraph of 128 tokens with the two marks.
WORDS = "the a of and to in is was for on with as by at from that this it he she they we house water new day".split()
PARAGRAPHS, PARAGRAPH_WORDS = 600, 126


class Batches:
    """What an ordinary user of a runtime writes, with sorting by length already thought of."""

    def __init__(self, encoder: pathlib.Path, texts: list[str]):
        tokenizer = tokenizers.Tokenizer.from_file(str(encoder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        encodings = sorted(tokenizer.encode_batch(texts), key=lambda encoding: len(encoding.ids))
        self.rows = len(encodings)
        self.real_tokens = sum(len(encoding.ids) for encoding in encodings)
        self.computed_tokens = 0
        self.all = []
        for start in range(0, len(encodings), BATCH_ROWS):
            rows = encodings[start : start + BATCH_ROWS]
            shape = (len(rows), len(rows[-1].ids))
            self.computed_tokens += shape[0] * shape[1]
            input_ids, attention_mask = numpy.zeros(shape, numpy.int64), numpy.zeros(shape, numpy.int64)
            for row, encoding in enumerate(rows):
                input_ids[row, : len(encoding.ids)] = encoding.ids
                attention_mask[row, : len(encoding.ids)] = 1
            types = numpy.zeros(shape, numpy.int64)
            self.all.append({"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": types})


class OnnxRuntime:
    def __init__(self, encoder: pathlib.Path, batches: Batches, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(encoder / "model.onnx", options, providers=["CPUExecutionProvider"])
        hidden = [output for output in self.session.get_outputs() if len(output.shape) == 3]
        # The last hidden state comes first in every exporter's file that has one.
        self.outputs = [hidden[0].name]
        names = [port.name for port in self.session.get_inputs()]
        self.batches = [{name: batch[name] for name in names} for batch in batches.all]

    def seconds(self) -> float:
        started = time.perf_counter()
        for batch in self.batches:
            self.session.run(self.outputs, batch)
        return time.perf_counter() - started


class OpenVino:
    def __init__(self, encoder: pathlib.Path, batches: Batches, threads: int):
        import openvino

        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads}
        model = core.compile_model(core.read_model(encoder / "model.onnx"), "CPU", settings)
        self.precision = model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.queue = openvino.AsyncInferQueue(model, threads)
        names = [port.get_any_name() for port in model.inputs]
        self.batches = [{name: batch[name] for name in names} for batch in batches.all]

    def seconds(self) -> float:
        started = time.perf_counter()
        for batch in self.batches:
            self.queue.start_async(batch)
        self.queue.wait_all()
        return time.perf_counter() - started


class Larder:
    """The binary, as a user starts it."""

    def __init__(self, arguments: argparse.Namespace, dataset: pathlib.Path, side: str, options: list[str]):
        encoder = f"{arguments.encoder}-int8" if side == "int8" else arguments.encoder
        graph = ["--graph", "bfloat16"] if side == "bfloat16" else []
        self.side = side
        start = [str(arguments.larder), "--home", str(arguments.home)]
        subject = [str(dataset), "--encoder", encoder, "--split", "train"]
        subprocess.run([*start, "tokenize", *subject], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        threads = ["--threads", str(arguments.threads), "--device", "cpu"]
        self.command = [*start, "--json", "encode", *subject, *threads, "--force", *graph, *options]
        self.folder = arguments.home / "features" / dataset.stem / encoder

    def seconds(self) -> float:
        # Else rows of the file there would be reused.
        shutil.rmtree(self.folder, ignore_errors=True)
        started = time.perf_counter()
        subprocess.run(self.command, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        column = pyarrow.parquet.read_table(next(self.folder.glob("*/train.parquet"))).column("mean")
        vectors = numpy.stack([numpy.asarray(row) for row in column.to_pylist()])
        self.vectors = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
        return seconds


def texts_of(path: pathlib.Path) -> list[str]:
    """Sentences of a file in CoLA's format: the fourth of four columns."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [line.split("\t")[3] for line in lines if line]


def paragraphs() -> list[str]:
    drawn = random.Random(1)
    return [" ".join(drawn.choices(WORDS, k=PARAGRAPH_WORDS)) for _ in range(PARAGRAPHS)]


def described(folder: pathlib.Path, name: str, texts: list[str]) -> pathlib.Path:
    """A dataset of those texts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.tsv").write_text("".join(f"0\t{text}\n" for text in texts), encoding="utf-8")
    path = folder / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\ntask = "sequence"\nformat = "tsv"\nheader = false\nquoting = false\n'
        f'[columns]\ntext = 1\nlabel = 0\n[labels]\nnames = ["0", "1"]\n[splits]\ntrain = "{name}.tsv"\n',
        encoding="utf-8",
    )
    return path


def compare(arguments: argparse.Namespace, options: list[str], kind: str, texts: list[str]) -> None:
    dataset = described(arguments.home / "data", f"bench-{kind}", texts)
    encoder = arguments.home / "encoders" / arguments.encoder
    batches = Batches(encoder, texts)
    sides = {}
    for side in arguments.sides:
        if side in LARDER_SIDES:
            sides[side] = Larder(arguments, dataset, side, options)
        else:
            peer = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}[side]
            try:
                sides[side] = peer(encoder, batches, arguments.threads)
            except ImportError as missing:
                print(f"SKIPPED: {side}: {missing}")
    print(
        f"\n{kind}: {batches.rows:,} texts, {batches.real_tokens:,} real tokens, {arguments.threads} threads, "
        f"onnxruntime {onnxruntime.__version__}; peers compute {batches.computed_tokens:,} tokens, padding included"
    )
    if "openvino" in sides:
        print(f"openvino computes in {sides['openvino'].precision}")
    print("round   " + "".join(f"{side:>13}" for side in sides), flush=True)
    found = {side: [] for side in sides}
    for round_ in range(arguments.rounds + 1):
        # Who goes first alternates: what heats or fills the machine must not always hit the same side.
        order = list(sides) if round_ % 2 else list(reversed(sides))
        seconds = {side: sides[side].seconds() for side in order}
        print(f"{round_ or 'warm-up':<8}" + "".join(f"{seconds[side]:>13.2f}" for side in sides), flush=True)
        if round_:
            for side in sides:
                found[side].append(seconds[side])
    print("median  " + "".join(f"{statistics.median(found[side]):>13.2f}" for side in sides))
    for side in sides:
        speed = batches.real_tokens / statistics.median(found[side])
        line = f"{side:<12} {speed:>8,.0f} real tokens/s"
        for other in ("onnxruntime", "openvino", "f32"):
            if other in sides and other != side:
                ratios = [theirs / own for theirs, own in zip(found[other], found[side])]
                line += f"; {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) times as fast as {other}"
        if side in LARDER_SIDES and side != "f32" and "f32" in sides:
            cosines = (sides[side].vectors * sides["f32"].vectors).sum(axis=1)
            line += f"; cosine to f32 {cosines.mean():.5f}, at least {cosines.min():.5f}"
        print(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default=os.environ.get("CARGO_TARGET_DIR", "target") + "/release/larder")
    parser.add_argument("--home", type=pathlib.Path, default="artifacts/bench/encode", help="emptied of features")
    parser.add_argument("--source", type=pathlib.Path, default=".larder/models/all-MiniLM-L6-v2")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--texts", type=pathlib.Path, required=True, help="a TSV file in CoLA's format")
    parser.add_argument("--limit", type=int, help="so many of its sentences")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sides", type=lambda text: text.split(","), default=[*LARDER_SIDES, *PEERS], metavar="LIST")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=["cola", "paragraphs"], metavar="LIST")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS, help="after one that is not counted")
    arguments, options = parser.parse_known_args()
    for side in arguments.sides:
        if side not in (*LARDER_SIDES, *PEERS):
            parser.error(f"unknown side {side!r}; known: {', '.join((*LARDER_SIDES, *PEERS))}")

    larder = [str(arguments.larder), "--home", str(arguments.home), "encoder"]
    subprocess.run([*larder, "add", str(arguments.source), "--name", arguments.encoder], check=True, capture_output=True)
    if "int8" in arguments.sides:
        subprocess.run([*larder, "quantise", arguments.encoder], check=True, capture_output=True)
    texts = {"cola": lambda: texts_of(arguments.texts)[: arguments.limit], "paragraphs": paragraphs}
    for kind in arguments.kinds:
        if kind not in texts:
            parser.error(f"unknown kind of texts {kind!r}; known: {', '.join(texts)}")
        compare(arguments, options, kind, texts[kind]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
