#!/usr/bin/env python3
"""Writes the five synthetic data sets of this folder. Standard library only, fixed seeds: the same bytes every time.

    python3 data/generate.py            rewrite intents/, acceptability/, ner/, topics/ and stars/
    python3 data/generate.py --check    compare with what is there; exit code 1 if anything differs
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True

from generator import acceptability, intents, ner, reviews  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()

    differing = []
    for module in (intents, acceptability, ner, reviews):
        for name, text in module.files().items():
            path, content = FOLDER / name, text.encode("utf-8")
            if arguments.check:
                if not path.is_file() or path.read_bytes() != content:
                    differing.append(name)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    for name in differing:
        print(f"data/{name} differs from what data/generate.py writes", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
