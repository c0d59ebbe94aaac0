"""`larder inspect` on a features file larger than memory allows: `just bench-inspect`.

A generated corpus of names through a random encoder with vectors as wide as BERT's makes a features file of about the size asked
for, two columns of 768 numbers a word; `--file` takes one that is there. `larder inspect` of it, and `--nearest`, on one core and on
all, must stay below 500 MB of resident memory. Prints medians of the seconds on the wall and of the processor, the file's bytes
a second, and the highest peak, as the kernel counts it. `--against` names another binary, which runs in turn with larder's, and prints
how many times as long it takes. Standard library only; needs twice the file's size of disk while it is made.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import sys

from generated import SEED, begin, command_line, measured
from large_cache import LAYERS, WIDE, Language, describe, write_corpus

LIMIT_BYTES = 500_000_000
# What a word takes in the file: 1536 float32 numbers, of which zstd saves about a sixth.
BYTES_A_WORD = 5_000


def main() -> int:
    parser = command_line(__doc__, "artifacts/bench/inspect")
    parser.add_argument("--gigabytes", type=float, default=10.0, help="size of the features file, roughly")
    parser.add_argument("--file", type=pathlib.Path, help="a Parquet file with vectors, in place of a generated one")
    parser.add_argument("--against", type=pathlib.Path, help="another larder, to compare with")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    features = arguments.file or generated(arguments)
    size = features.stat().st_size
    print(f"features: {size / 1e9:.2f} GB", flush=True)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    failed = False
    for name, options in (("inspect", []), ("inspect --nearest", ["--nearest", "0"])):
        for count in sorted({1, len(cores)} if cores else {0}):
            if cores:
                os.sched_setaffinity(0, cores[:count])
            failed |= timed(arguments, name, ["inspect", str(features), "--json", *options], size, count)
    if cores:
        os.sched_setaffinity(0, cores)
    print(f"limit: {LIMIT_BYTES / 1e6:.0f} MB")
    if not arguments.file and not arguments.keep:
        shutil.rmtree(arguments.home)
    return int(failed)


def generated(arguments: argparse.Namespace) -> pathlib.Path:
    home: pathlib.Path = arguments.home
    larder, words = begin(arguments, "wide", WIDE)
    language = Language(words)
    write_corpus(home / "dev.conll", language, 1000, SEED + 1)
    write_corpus(home / "large.conll", language, int(arguments.gigabytes * 1e9 / BYTES_A_WORD), SEED)
    dataset = describe(home, "large")
    encode = ["encode", str(dataset), "-e", "wide", "--layers", LAYERS, "--split", "train"]
    peak, seconds = measured([*larder, *encode])
    print(f"encoded in {seconds:.0f} s, peak {peak / 1e6:.0f} MB", flush=True)
    return next((home / "features" / "large").rglob("train.parquet"))


def timed(arguments: argparse.Namespace, name: str, command: list[str], size: int, cores: int) -> bool:
    """Prints a line for each binary; was a peak too high?"""
    binaries = {"larder": arguments.larder}
    if arguments.against:
        binaries["against"] = arguments.against
    found = {binary: [] for binary in binaries}
    for _ in range(arguments.rounds):
        for binary, path in binaries.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            peak, wall = measured([str(path), *command])
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found[binary].append((wall, processor, peak))
    own = found["larder"]
    too_much = max(peak for *_, peak in own) >= LIMIT_BYTES
    for binary, rounds in found.items():
        wall, processor = (statistics.median(of_round[at] for of_round in rounds) for at in (0, 1))
        line = f"{name:<18} {binary:<8} {cores or 'all'} core(s)   wall {wall:8.2f} s   processor {processor:8.2f} s"
        line += f"   {size / wall / 1e6:7.0f} MB/s   peak {max(peak for *_, peak in rounds) / 1e6:7.1f} MB"
        if binary != "larder":
            for kind, at in (("wall", 0), ("processor", 1)):
                ratios = [theirs[at] / ours[at] for theirs, ours in zip(rounds, own)]
                line += f"   {kind} x {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        elif too_much:
            line += "   too much"
        print(line, flush=True)
    return too_much


if __name__ == "__main__":
    sys.exit(main())
