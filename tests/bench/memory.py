"""Peak memory of `larder tokenize` and `larder encode` on 200,000 and 1,000,000 sentences: `just bench-memory`.

Sentences are drawn from a seed, mostly distinct, eight words on average; the encoder is tiny and random. Prints the
peak resident memory of each process, and fails when one reaches 1 GiB or grows by more than a tenth from the small
corpus to the large one. Standard library only.
"""

import pathlib
import random
import shutil
import sys

from generated import SEED, begin, command_line, measured

SMALL, LARGE = 200_000, 1_000_000
LIMIT_BYTES = 1 << 30
LIMIT_GROWTH = 1.10

WORDS_A_SENTENCE = range(4, 13)
LABELS = ["harvest", "storage", "kitchen"]


def write_corpus(folder: pathlib.Path, name: str, rows: int, words: list[str]) -> pathlib.Path:
    """A TSV file and its description; the first rows of the large corpus are the small one."""
    rng = random.Random(SEED)
    with open(folder / f"{name}.tsv", "w", encoding="utf-8", newline="\n") as file:
        for _ in range(rows):
            sentence = " ".join(rng.choices(words, k=rng.choice(WORDS_A_SENTENCE)))
            file.write(f"{rng.choice(LABELS)}\t{sentence}\n")
    description = folder / f"{name}.toml"
    description.write_text(
        f'name = "{name}"\ntask = "sequence"\nformat = "tsv"\nheader = false\nquoting = false\n'
        f"[columns]\nlabel = 0\ntext = 1\n[splits]\ntrain = \"{name}.tsv\"\n",
        encoding="utf-8",
    )
    return description


def main() -> int:
    arguments = command_line(__doc__, "artifacts/bench/memory").parse_args()
    larder, words = begin(arguments, "tiny", {})

    peaks: dict[tuple[str, int], int] = {}
    seconds: dict[tuple[str, int], float] = {}
    for rows in (SMALL, LARGE):
        dataset = write_corpus(arguments.home, f"generated-{rows}", rows, words)
        # The larger corpus begins as the smaller: its vectors are not to be copied.
        for stage, *force in (("tokenize",), ("encode", "--force")):
            command = [*larder, stage, str(dataset), "--encoder", "tiny", *force]
            peaks[stage, rows], seconds[stage, rows] = measured(command)

    failed = False
    print(f"stage     rows       seconds   peak MiB   growth from {SMALL:,} rows")
    for (stage, rows), peak in peaks.items():
        growth = peak / peaks[stage, SMALL]
        bad = peak >= LIMIT_BYTES or growth > LIMIT_GROWTH
        failed |= bad
        print(
            f"{stage:<9} {rows:>9,} {seconds[stage, rows]:9.1f} {peak / 2**20:10.1f}   {growth:.3f}"
            + ("   too much" if bad else "")
        )
    print(f"limits: {LIMIT_BYTES >> 20} MiB, and {LIMIT_GROWTH} times")
    if not arguments.keep:
        shutil.rmtree(arguments.home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
