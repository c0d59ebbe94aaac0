"""`larder inspect` on a features file larger than memory allows: `just bench-inspect`.

A generated corpus of names through a random encoder with vectors as wide as BERT's makes a features file of about the size asked
for, two columns of 768 numbers a word. `larder inspect` of it, and `--nearest`, must stay below 500 MB of resident memory. Prints
the peaks, as the kernel counts them, and the seconds. Standard library only; needs twice the file's size of disk while it is made.
"""

import pathlib
import shutil
import sys

from generated import SEED, begin, command_line, measured
from large_cache import LAYERS, WIDE, Language, describe, write_corpus

LIMIT_BYTES = 500_000_000
# What a word takes in the file: 1536 float32 numbers, of which zstd saves about a sixth.
BYTES_A_WORD = 5_000


def main() -> int:
    parser = command_line(__doc__, "artifacts/bench/inspect")
    parser.add_argument("--gigabytes", type=float, default=10.0, help="size of the features file, roughly")
    arguments = parser.parse_args()
    home: pathlib.Path = arguments.home
    larder, words = begin(arguments, "wide", WIDE)

    language = Language(words)
    write_corpus(home / "dev.conll", language, 1000, SEED + 1)
    write_corpus(home / "large.conll", language, int(arguments.gigabytes * 1e9 / BYTES_A_WORD), SEED)
    dataset = describe(home, "large")
    encode = ["encode", str(dataset), "-e", "wide", "--layers", LAYERS, "--split", "train"]
    peak, seconds = measured([*larder, *encode])
    features = next((home / "features" / "large").rglob("train.parquet"))
    size = features.stat().st_size
    print(f"features: {size / 1e9:.2f} GB, encoded in {seconds:.0f} s, peak {peak / 1e6:.0f} MB", flush=True)

    failed = False
    inspect = ["inspect", str(features), "--json"]
    for name, command in (("inspect", inspect), ("inspect --nearest", [*inspect, "--nearest", "0"])):
        peak, seconds = measured([*larder, *command])
        bad = peak >= LIMIT_BYTES
        failed |= bad
        print(f"{name:<20} {seconds:8.1f} s   peak {peak / 1e6:8.1f} MB" + ("   too much" if bad else ""), flush=True)
    print(f"limit: {LIMIT_BYTES / 1e6:.0f} MB")
    if not arguments.keep:
        shutil.rmtree(home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
