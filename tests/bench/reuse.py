"""Seconds and peak memory of encoding a small file beside millions of rows that are cached.

A generated corpus is encoded through a tiny encoder with random weights. Then a file of its first 2,000 sentences is encoded: with the search for
them, and with `--force`, which does not search. Standard library only.
"""

import shutil
import statistics
import sys

from generated import begin, command_line, measured
from memory import write_corpus

SMALL = 2_000


def main() -> int:
    parser = command_line(__doc__, "artifacts/bench/reuse")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the corpus")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    larder, words = begin(arguments, "tiny", {})
    corpus = write_corpus(arguments.home, "corpus", arguments.rows, words)
    _, seconds = measured([*larder, "encode", str(corpus), "--encoder", "tiny"])
    print(f"{arguments.rows:,} rows encoded in {seconds:.0f} s")
    small = write_corpus(arguments.home, "small", SMALL, words)
    features = arguments.home / "features" / "small"
    found: dict[str, list[tuple[int, float]]] = {"searching": [], "--force": []}
    for _ in range(arguments.rounds):
        for way, figures in found.items():
            shutil.rmtree(features, ignore_errors=True)
            force = ["--force"] if way == "--force" else []
            figures.append(measured([*larder, "encode", str(small), "--encoder", "tiny", *force]))
    for way, figures in found.items():
        peaks, seconds = zip(*figures)
        print(f"{way:<10} {statistics.median(seconds):6.2f} s   {statistics.median(peaks) / 2**20:7.1f} MiB")
    if not arguments.keep:
        shutil.rmtree(arguments.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
