"""What a GPU makes of larder, in at most nine minutes, without network or Rust: `just gpu-check`.

    python3 tests/bench/gpu/check.py --larder BIN --tests FOLDER --onnxruntime FOLDER --out FOLDER

First whether it is right: the tests that need a GPU, and vectors beside the CPU's. Then how fast: encoding sentences of CoLA's lengths
and paragraphs in float32 and in half precision, fine-tuning steps in three precisions beside PyTorch's where torch and transformers
are, answering a file, and ONNX Runtime's own trace of what is furthest from its bar. The encoder is of BERT-base's size, with random
weights; texts are of words that it knows, in lengths as needed.

A step that fails does not stop the others, each has a time limit, and what does not fit into the whole time is named. FOLDER gets
`gpu_check.json`, written after every step, `gpu_check.md` with the ratios to the bars, and `steps.log`.

On another machine it needs this repository's files (`tests/bench`, `tests/goldens`, `crates/larder-runtime/tests/fixtures`), what
`just gpu-check-files` puts into `target/gpu-check`, and ONNX Runtime's CUDA build; CUDA's own libraries are taken from PyTorch's
folder where there is one. `LARDER_DEVICE=cpu` tries the script itself anywhere, with a tiny encoder and few texts, in a minute.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import sys
import tempfile

import readings
import table
from corpus import Corpus
from steps import Steps

BUDGET_SECONDS = 9 * 60
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
HERE = pathlib.Path(__file__).resolve().parent
# Packages of which `tests` holds a test binary each, named like the package.
TESTED = ("larder-runtime", "larder-finetune")
SHAPES = ((32, 16), (32, 128), (16, 512))
# Rows of sentences, paragraphs and answered texts; steps of fine-tuning, and how many of them are not counted.
FULL = {"size": "base", "sentences": 200_000, "paragraphs": 20_000, "answered": 50_000, "steps": 40, "skip": 10}
DRY = {"size": "tiny", "sentences": 400, "paragraphs": 100, "answered": 200, "steps": 3, "skip": 1}
COMPARED_TEXTS = 48
# Cosine to float32 on the CPU: float16 has eleven bits, TF32 as many.
LEAST_COSINE = 0.999


class Check:
    def __init__(self, arguments, scale, device, work):
        self.arguments, self.scale, self.device, self.work = arguments, scale, device, work
        environment = os.environ | {"LARDER_HOME": str(work / "home"), "ORT_DYLIB_PATH": str(arguments.onnxruntime)}
        libraries = [str(arguments.onnxruntime if arguments.onnxruntime.is_dir() else arguments.onnxruntime.parent)]
        libraries += [str(folder) for folder in cuda_folders()]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [*libraries, os.environ.get("LD_LIBRARY_PATH")]))
        self.steps = Steps(arguments.out, arguments.seconds, environment)
        self.larder = [str(arguments.larder)]
        self.has_torch = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))

    def run_all(self):
        self.machine()
        if not self.prepare():
            return
        # By value: right or wrong, then what users do most, then what it is compared with.
        self.tests()
        self.vectors()
        for graph in ("half", "auto", "half-padded"):
            for name in ("sentences", "paragraphs"):
                self.encode(name, graph)
        for rows, tokens in SHAPES:
            self.finetune("bf16", rows, tokens)
        self.torch("finetune", 150)
        for precision in ("f32", "f16"):
            for rows, tokens in SHAPES:
                self.finetune(precision, rows, tokens)
        self.profile()
        self.predict()
        self.torch("encode", 60)

    def machine(self):
        facts, steps = self.steps.facts, self.steps
        facts["device asked for"] = self.device
        facts["PyTorch"] = "there" if self.has_torch else "absent: torch or transformers is missing, nothing to compare with"
        if self.device == "cuda":
            query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
            said = steps.run("nvidia-smi", 20, query)
            facts["GPU"] = said[0].strip() if said else "nvidia-smi does not run"
        if said := steps.run("version", 20, [*self.larder, "--version"]):
            facts["larder"] = said[0].strip()
        steps.run("doctor", 60, [*self.larder, "doctor"])

    def prepare(self):
        scale, corpus = self.scale, Corpus(self.work, self.scale["size"])
        self.corpus = corpus
        self.sets = {
            "sentences": corpus.sentences("sentences", scale["sentences"]),
            "paragraphs": corpus.paragraphs("paragraphs", scale["paragraphs"]),
            "small": corpus.sentences("small", min(1000, scale["sentences"])),
        }
        for rows, tokens in SHAPES:
            name = f"batch-{tokens}"
            self.sets[name] = corpus.alike(name, rows * scale["steps"], tokens)
        self.lengths = corpus.save_lengths(["sentences", "paragraphs"])
        init = ["encoder", "init", "--config", corpus.config, "--tokenizer", corpus.tokenizer, "--name", "e"]
        if self.steps.run("init", 90, [*self.larder, *init]) is None:
            return False
        for name in ("sentences", "paragraphs"):
            self.steps.run(f"tokenize {name}", 60, [*self.larder, "tokenize", self.sets[name], "-e", "e", "--split", "train"])
        return True

    def tests(self):
        for package in TESTED:
            binary = self.arguments.tests / package if self.arguments.tests else None
            if binary is None or not binary.is_file():
                self.steps.facts[f"tests of {package}"] = "absent: no such file in --tests"
                continue
            environment = {"CARGO_MANIFEST_DIR": str(REPOSITORY / "crates" / package)}
            if self.device == "cuda":
                environment["LARDER_TEST_CUDA"] = "1"
            # All are run to the end; a failing one has exit code 101, and its output is wanted all the same.
            command = ["sh", "-c", '"$0" cuda --nocapture --test-threads 1 2>&1; echo "exit code $?"', binary]
            said = self.steps.run(f"tests {package}", 120, command, environment)
            counts = readings.tests(said[0]) if said else {}
            self.steps.tell(kind="tests", **counts)
            if not counts.get("passed") or counts.get("failed"):
                self.steps.problem(f"tests of {package} did not all pass: see steps.log")

    def vectors(self):
        texts = self.corpus.texts([4, 9, 17, 40, 128, 500] * (COMPARED_TEXTS // 6))
        path = self.work / "texts.txt"
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        embed = [*self.larder, "embed", "-e", "e", "--input", path]
        said = self.steps.run("vectors cpu", 60, [*embed, "--device", "cpu"])
        expected = readings.vectors(said[0]) if said else []
        for graph in ("auto", "half", "half-padded"):
            said = self.steps.run(f"vectors {graph}", 60, [*embed, "--device", self.device, "--graph", graph])
            self.steps.tell(kind="vectors")
            if said:
                cosine = readings.cosines(expected, readings.vectors(said[0]))
                self.steps.tell(cosine=cosine, notes=readings.notes(said[1]))
                if not cosine > LEAST_COSINE:
                    self.steps.problem(f"vectors differ from the CPU's: smallest cosine {cosine}, at least {LEAST_COSINE} is wanted")

    def encode_command(self, name, graph):
        flags = ["--split", "train", "--force", "--graph", graph, "--device", self.device]
        return [*self.larder, "encode", self.sets[name], "-e", "e", *flags]

    def encode(self, name, graph):
        said = self.steps.run(f"encode {name} {graph}", 60, self.encode_command(name, graph))
        self.steps.tell(kind="encode", set=name, graph=graph, **(readings.encoded(said[1]) if said else {}))
        # Else rows of the file that is there would be reused.
        shutil.rmtree(self.work / "home" / "features", ignore_errors=True)

    def finetune_command(self, precision, rows, tokens, steps, run):
        flags = ["--steps", steps, "--batch-rows", rows, "--dropout", 0, "--precision", precision, "--device", self.device]
        flags += ["--evaluate-every", 10 * steps, "--keep-going", "--run", run]
        return [*self.larder, "--json", "finetune", self.sets[f"batch-{tokens}"], "-e", "e", *flags]

    def finetune(self, precision, rows, tokens):
        run = f"{precision}-{rows}-{tokens}"
        steps = self.scale["steps"]
        said = self.steps.run(f"finetune {rows} x {tokens} {precision}", 60, self.finetune_command(precision, rows, tokens, steps, run))
        self.steps.tell(kind="finetune", precision=precision, rows=rows, tokens=tokens)
        folder = self.work / "home" / "runs" / run
        if said and said[0].strip():
            try:
                self.steps.tell(**readings.tuned(said[0], folder / "history.parquet", self.scale["skip"]))
            except (ValueError, KeyError) as problem:
                self.steps.problem(f"its JSON is not understood: {type(problem).__name__}: {problem}")
        # A tuned encoder of 440 MB each.
        shutil.rmtree(folder, ignore_errors=True)

    def predict(self):
        run = [*self.larder, "run", self.sets["small"], "-e", "e", "--run", "small", "--device", self.device]
        if self.steps.run("train a head", 60, run) is None:
            return
        lines = (self.work / "sentences-train.tsv").read_text(encoding="utf-8").splitlines()[: self.scale["answered"]]
        path = self.work / "answered.tsv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [*self.larder, "predict", "small", "--input", path, "--output", self.work / "answers.tsv", "--device", self.device]
        said = self.steps.run("predict", 60, command)
        self.steps.tell(kind="predict", **(readings.predicted(said[0] + said[1]) if said else {}))

    def torch(self, what, limit):
        if not self.has_torch:
            return
        options = ["--config", self.corpus.config, "--lengths", self.lengths, "--device", self.device]
        options += ["--steps", self.scale["steps"], "--skip", self.scale["skip"]]
        said = self.steps.run(f"torch {what}", limit, [sys.executable, "-B", HERE / "torch_peer.py", what, *options])
        lines = [json.loads(line) for line in said[0].splitlines() if line.startswith("{") and line.endswith("}")] if said else []
        self.steps.tell(torch=lines)

    def profile(self):
        """The trace of what is furthest from its bar."""
        shortfalls = table.shortfalls({"steps": self.steps.records})
        if not shortfalls:
            return
        step = shortfalls[0][1]
        folder = self.work / "traces"
        folder.mkdir()
        if step["kind"] == "encode":
            command = self.encode_command(step["set"], step["graph"])
        else:
            command = self.finetune_command(step["precision"], step["rows"], step["tokens"], self.scale["skip"], "traced")
        said = self.steps.run(f"profile {step['step']}", 60, command, {"LARDER_PROFILE": str(folder)})
        self.steps.tell(kind="profile", of=step["step"], profile=readings.traces(folder) if said else None)


def cuda_folders():
    """Of CUDA's libraries as PyTorch's wheels bring them."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return []
    return sorted((pathlib.Path(spec.origin).parent.parent / "nvidia").glob("*/lib"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default=os.environ.get("CARGO_TARGET_DIR", "target") + "/release/larder")
    parser.add_argument("--tests", type=pathlib.Path, help="a folder with a test binary for each package, named like it")
    parser.add_argument("--onnxruntime", type=pathlib.Path, default=".larder/cuda/onnxruntime", help="its library or the folder of it")
    parser.add_argument("--out", type=pathlib.Path, default="artifacts/gpu-check")
    parser.add_argument("--seconds", type=float, default=BUDGET_SECONDS, help="for all steps together")
    arguments = parser.parse_args()
    for name in ("larder", "tests", "onnxruntime", "out"):
        if getattr(arguments, name):
            setattr(arguments, name, getattr(arguments, name).resolve())
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = os.environ.get("LARDER_DEVICE", "cuda")
    with tempfile.TemporaryDirectory(prefix="larder-gpu-check") as work:
        check = Check(arguments, FULL if device == "cuda" else DRY, device, pathlib.Path(work))
        try:
            check.run_all()
        finally:
            check.steps.close()
            document = json.loads((arguments.out / "gpu_check.json").read_text(encoding="utf-8"))
            page = table.page(document)
            (arguments.out / "gpu_check.md").write_text(page, encoding="utf-8")
            print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
