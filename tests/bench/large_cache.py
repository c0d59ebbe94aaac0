"""Heads trained on a cache larger than memory: `just bench-large-cache`.

A generated corpus of names through a random encoder with vectors as wide as BERT's makes 5 GB of word features. `larder
train` streams them; its peak resident memory must stay below 1 GiB. On the first tenth, which fits, the streamed head must
find as many entities as the one solved in memory. Prints seconds, peak memory and strict entity F1 on dev. Standard library
only; needs 12 GB of disk.
"""

import json
import pathlib
import random
import shutil
import subprocess
import sys

from generated import SEED, begin, command_line, measured

LIMIT_BYTES = 1 << 30
WORDS = 1_000_000
DEV_WORDS = 20_000
PART = 10
WIDE = {"hidden_size": 768, "num_hidden_layers": 1, "num_attention_heads": 12, "intermediate_size": 64}
# Embeddings and the only layer: 1536 numbers a word.
LAYERS = "0,1"
MEMORY = "512MiB"
# Where a bad split of the random dev sentences cannot be mistaken for a bad solver.
LIMIT_DIFFERENCE = 0.01
# Neither nothing nor everything: there must be something to lose.
F1_RANGE = (0.6, 0.97)

TYPES = ["person", "place", "firm"]
WORDS_A_SENTENCE = range(6, 15)
SHARE_OF_NAMES = 0.2
# Names that mean any type, told apart only by the word before them, and now and then not at all.
SHARE_AMBIGUOUS = 0.4
SHARE_WITHOUT_CUE = 0.25
# The same words meaning nothing: half as often as they are names.
SHARE_COMMON = 0.5


class Language:
    """Which word means what."""

    def __init__(self, words: list[str]) -> None:
        words = iter(words)
        take = lambda count: [next(words) for _ in range(count)]
        self.cues = {type_: take(5) for type_ in TYPES}
        self.names = {type_: take(60) for type_ in TYPES}
        self.seconds = take(30)
        self.ambiguous = take(60)
        self.common = take(300)

    def sentence(self, rng: random.Random) -> list[tuple[str, str]]:
        """Words with their tags, IOB2."""
        tagged: list[tuple[str, str]] = []
        length = rng.choice(WORDS_A_SENTENCE)
        while len(tagged) < length:
            if rng.random() > SHARE_OF_NAMES:
                tagged.append((rng.choice(self.common), "O"))
                continue
            type_ = rng.choice(TYPES)
            if rng.random() < SHARE_AMBIGUOUS:
                if rng.random() < SHARE_COMMON:
                    # A word of everyday that is written as a name is.
                    tagged += [(rng.choice(self.common), "O"), (rng.choice(self.ambiguous), "O")]
                    continue
                if rng.random() > SHARE_WITHOUT_CUE:
                    tagged.append((rng.choice(self.cues[type_]), "O"))
                tagged.append((rng.choice(self.ambiguous), f"B-{type_}"))
            else:
                tagged.append((rng.choice(self.names[type_]), f"B-{type_}"))
            if rng.random() < 0.5:
                tagged.append((rng.choice(self.seconds), f"I-{type_}"))
        return tagged


def write_corpus(path: pathlib.Path, language: Language, words: int, seed: int) -> None:
    """Sentences of at least `words` words; a smaller file is the beginning of a larger one."""
    rng = random.Random(seed)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        while words > 0:
            sentence = language.sentence(rng)
            words -= len(sentence)
            file.writelines(f"{word}\t{tag}\n" for word, tag in sentence)
            file.write("\n")


def describe(folder: pathlib.Path, name: str) -> pathlib.Path:
    description = folder / f"{name}.toml"
    description.write_text(
        f'name = "{name}"\ntask = "tagging"\nformat = "conll"\nscheme = "IOB2"\nseparator = "tab"\n'
        f'[columns]\nwords = 0\ntags = 1\n[splits]\ntrain = "{name}.conll"\ndev = "dev.conll"\n',
        encoding="utf-8",
    )
    return description


class Bench:
    def __init__(self, larder: list[str]) -> None:
        self.larder = larder
        self.failures: list[str] = []

    def encode(self, dataset: pathlib.Path) -> None:
        peak, seconds = measured([*self.larder, "encode", str(dataset), "-e", "wide", "--layers", LAYERS, "--force"])
        print(f"{dataset.stem}: encoded in {seconds:.0f} s, peak {peak / 2**20:.0f} MiB", flush=True)

    def train(self, dataset: pathlib.Path, head: str, solver: str, streamed: bool) -> float:
        """Trains, judges on dev, prints a line; strict F1."""
        run = f"{dataset.stem}-{head}-{solver}"
        command = ["train", str(dataset), "-e", "wide", "--layers", LAYERS, "--head", head, "--solver", solver]
        peak, seconds = measured([*self.larder, *command, "--memory", MEMORY, "--run", run, "--force"])
        evaluation = subprocess.run([*self.larder, "eval", run, "--json"], check=True, stdout=subprocess.PIPE)
        f1 = json.loads(evaluation.stdout)["splits"][0]["scores"]["strict"]["micro"]["f1"]
        print(f"{run:<28} {seconds:8.1f} {peak / 2**20:10.1f} {f1:10.4f}", flush=True)
        if streamed and peak >= LIMIT_BYTES:
            self.failures.append(f"{run}: peak of {peak / 2**20:.0f} MiB, allowed {LIMIT_BYTES >> 20} MiB")
        if not F1_RANGE[0] <= f1 <= F1_RANGE[1]:
            self.failures.append(f"{run}: strict F1 {f1:.4f} is not from {F1_RANGE[0]} to {F1_RANGE[1]}")
        return f1


def main() -> int:
    parser = command_line(__doc__, "artifacts/bench/large-cache")
    parser.add_argument("--words", type=int, default=WORDS, help="words of train; 1,000,000 make 5 GB of features")
    arguments = parser.parse_args()
    home: pathlib.Path = arguments.home
    larder, words = begin(arguments, "wide", WIDE)
    bench = Bench(larder)

    language = Language(words)
    write_corpus(home / "dev.conll", language, DEV_WORDS, SEED + 1)
    datasets = {}
    for name, count in (("large", arguments.words), ("part", arguments.words // PART)):
        write_corpus(home / f"{name}.conll", language, count, SEED)
        datasets[name] = describe(home, name)
        bench.encode(datasets[name])
    features = sum(path.stat().st_size for path in (home / "features" / "large").rglob("train.parquet"))
    print(f"features of large: {features / 1e9:.2f} GB")

    print(f"{'run':<28} {'seconds':>8} {'peak MiB':>10} {'strict F1':>10}", flush=True)
    for head in ("crf", "logistic"):
        bench.train(datasets["large"], head, "adam", streamed=True)
    for head in ("crf", "logistic"):
        in_memory = bench.train(datasets["part"], head, "lbfgs", streamed=False)
        streamed = bench.train(datasets["part"], head, "adam", streamed=True)
        if abs(in_memory - streamed) > LIMIT_DIFFERENCE:
            difference = f"{streamed:.4f} streamed, {in_memory:.4f} in memory"
            bench.failures.append(f"{head} on the part: strict F1 {difference}, more than {LIMIT_DIFFERENCE} apart")
    print(f"limits: {LIMIT_BYTES >> 20} MiB, and {LIMIT_DIFFERENCE} of strict F1 between the solvers on the part")
    for failure in bench.failures:
        print(f"FAILED: {failure}")
    if not arguments.keep:
        shutil.rmtree(home)
    return int(bool(bench.failures))


if __name__ == "__main__":
    sys.exit(main())
