"""Peak memory of `larder tokenize` and `larder encode` on 200,000 and 1,000,000 sentences: `just bench-memory`.

Sentences are drawn from a seed, mostly distinct, eight words on average; the encoder is tiny and random. Prints the
peak resident memory of each process, and fails when one reaches 1 GiB or grows by more than a tenth from the small
corpus to the large one. Standard library only.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

SEED = 20260
SMALL, LARGE = 200_000, 1_000_000
LIMIT_BYTES = 1 << 30
LIMIT_GROWTH = 1.10

VOCABULARY_SIZE = 4096
CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_act": "gelu",
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS_A_SENTENCE = range(4, 13)
LABELS = ["harvest", "storage", "kitchen"]


def vocabulary(rng: random.Random) -> list[str]:
    """Made-up words of two or three syllables."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    words: dict[str, None] = {}
    while len(words) < VOCABULARY_SIZE - len(SPECIAL):
        words["".join(rng.choices(syllables, k=rng.choice((2, 3))))] = None
    return list(words)


def tokenizer(words: list[str]) -> dict:
    """`tokenizer.json` that knows each word as one token."""
    special = [
        {"id": id_, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        | {"special": True}
        for id_, token in enumerate(SPECIAL)
    ]
    cls, sep = ({"id": token, "ids": [SPECIAL.index(token)], "tokens": [token]} for token in ("[CLS]", "[SEP]"))
    single = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": {"[CLS]": cls, "[SEP]": sep},
        },
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {token: id_ for id_, token in enumerate([*SPECIAL, *words])},
            "unk_token": "[UNK]",
        },
    }


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


def measured(command: list[str]) -> tuple[int, float]:
    """Peak resident bytes and seconds of one process; its talk goes through."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    # macOS counts bytes, Linux kilobytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default="target/release/larder")
    home_help = "made anew, removed at the end"
    parser.add_argument("--home", type=pathlib.Path, default="artifacts/bench/memory", help=home_help)
    parser.add_argument("--keep", action="store_true", help="keep that folder")
    arguments = parser.parse_args()
    home: pathlib.Path = arguments.home
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)

    words = vocabulary(random.Random(SEED))
    (home / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (home / "words.json").write_text(json.dumps(tokenizer(words)), encoding="utf-8")
    larder = [str(arguments.larder), "--home", str(home)]
    init = ["encoder", "init", "--config", str(home / "config.json"), "--tokenizer", str(home / "words.json")]
    subprocess.run([*larder, *init, "--name", "tiny"], check=True, stdout=subprocess.DEVNULL)

    peaks: dict[tuple[str, int], int] = {}
    seconds: dict[tuple[str, int], float] = {}
    for rows in (SMALL, LARGE):
        dataset = write_corpus(home, f"generated-{rows}", rows, words)
        for stage in ("tokenize", "encode"):
            peaks[stage, rows], seconds[stage, rows] = measured([*larder, stage, str(dataset), "--encoder", "tiny"])

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
        shutil.rmtree(home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
