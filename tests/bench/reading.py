"""Reading and tokenizing with larder against Hugging Face tokenizers in Python, on all cores: `just bench-reading`.

Sentences of CoLA with words exchanged at random, so that none is there twice. Both sides take turns, each a new process every time:

  larder  `larder tokenize`: the whole command, with checks of every row, spans and words of the tokens, and Parquet
  python  reads the same file and calls `encode_batch` on the same tokenizer.json, 10,000 texts at a time; nothing is kept
  fast    the same with `encode_batch_fast`, which leaves the tokens' spans out

Prints wall and processor seconds of every round (all threads), the medians, the median and the range of the rounds' ratios of larder to
each of the others, and the peak resident memory. Needs tokenizers.
"""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

from generated import SEED, usage

DEFAULT_ROUNDS = 3
DEFAULT_ROWS = 200_000
EXCHANGED = 2
BATCH = 10_000
PEERS = ("python", "fast")


def plain(tokenizer_path: pathlib.Path, texts_path: pathlib.Path, fast: bool):
    """What an ordinary user of tokenizers writes, in a process of its own."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_path))
    tokenizer.no_padding()
    texts = [line.split("\t")[3] for line in texts_path.read_text(encoding="utf-8").split("\n") if line]
    encode = tokenizer.encode_batch_fast if fast else tokenizer.encode_batch
    tokens = 0
    for start in range(0, len(texts), BATCH):
        tokens += sum(len(encoding.ids) for encoding in encode(texts[start : start + BATCH]))
    print(f"{len(texts)} rows, {tokens} tokens")


def write_dataset(folder: pathlib.Path, cola: pathlib.Path, rows: int) -> pathlib.Path:
    """The description of a dataset of so many generated rows."""
    lines = (cola / "in_domain_train.tsv").read_text(encoding="utf-8").split("\n")
    sentences = [line.split("\t")[3].split() for line in lines if line]
    words = sorted({word for sentence in sentences for word in sentence})
    rng = random.Random(SEED)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.tsv").open("w", encoding="utf-8") as file:
        for row in range(rows):
            sentence = list(rng.choice(sentences))
            for _ in range(EXCHANGED):
                sentence[rng.randrange(len(sentence))] = rng.choice(words)
            file.write(f"generated\t{row % 2}\t\t{' '.join(sentence)}\n")
    dataset = folder / "reading.toml"
    dataset.write_text(
        'name = "reading"\ntask = "sequence"\nformat = "tsv"\nheader = false\nquoting = false\n'
        '[columns]\ntext = 3\nlabel = 1\n[labels]\nnames = ["0", "1"]\n[splits]\ntrain = "train.tsv"\n',
        encoding="utf-8",
    )
    return dataset


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default=os.environ.get("CARGO_TARGET_DIR", "target") + "/release/larder")
    parser.add_argument("--home", type=pathlib.Path, default="artifacts/bench/reading")
    parser.add_argument("--source", type=pathlib.Path, default=".larder/models/all-MiniLM-L6-v2")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--cola", type=pathlib.Path, default="data/cola")
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS)
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    parser.add_argument("--plain", type=pathlib.Path, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fast", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        plain(*arguments.plain, arguments.fast)
        return 0

    home = arguments.home
    dataset = write_dataset(home / "data", arguments.cola, arguments.rows)
    larder = [str(arguments.larder), "--home", str(home)]
    added = [*larder, "encoder", "add", str(arguments.source), "--name", arguments.encoder, "--replace"]
    subprocess.run(added, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    tokenizer = home / "encoders" / arguments.encoder / "tokenizer.json"
    python = [sys.executable, "-B", __file__, "--plain", str(tokenizer), str(dataset.parent / "train.tsv")]
    sides = {
        "larder": [*larder, "tokenize", str(dataset), "--encoder", arguments.encoder, "--split", "train"],
        "python": python,
        "fast": [*python, "--fast"],
    }
    found: dict[str, list[tuple[int, float, float]]] = {side: [] for side in sides}
    print("round   wall s: larder  python    fast   processor s: larder  python    fast", flush=True)
    for number in range(arguments.rounds):
        # Who goes first alternates: what heats or fills the machine must not always hit the same side.
        for side in list(sides) if number % 2 else list(sides)[::-1]:
            # Else the file there would be up to date.
            shutil.rmtree(home / "tokens", ignore_errors=True)
            found[side].append(usage(sides[side]))
        wall, processor = ([found[side][-1][at] for side in sides] for at in (1, 2))
        print(
            f"{number + 1:<7} {wall[0]:14.2f} {wall[1]:7.2f} {wall[2]:7.2f} "
            f"{processor[0]:20.2f} {processor[1]:7.2f} {processor[2]:7.2f}",
            flush=True,
        )
    for at, clock in ((1, "wall"), (2, "processor")):
        for peer in PEERS:
            ratios = [one[at] / other[at] for one, other in zip(found["larder"], found[peer])]
            print(
                f"{clock:<9} larder {statistics.median(one[at] for one in found['larder']):.2f} s, {peer} "
                f"{statistics.median(one[at] for one in found[peer]):.2f} s; ratio "
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )
    peaks = {side: statistics.median(one[0] for one in found[side]) / 2**20 for side in sides}
    print(f"memory    peak MiB: larder {peaks['larder']:.0f}, python {peaks['python']:.0f}, fast {peaks['fast']:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
