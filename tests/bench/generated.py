"""What the benches on generated corpora share: a vocabulary, an encoder with random weights that knows it, and how a process
is measured. Standard library only.
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


def vocabulary(rng: random.Random, size: int = VOCABULARY_SIZE) -> list[str]:
    """Made-up words of two or three syllables, as many as a vocabulary of that size has beside the special tokens."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    words: dict[str, None] = {}
    while len(words) < size - len(SPECIAL):
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


def command_line(description: str, home: str) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=pathlib.Path, default=os.environ.get("CARGO_TARGET_DIR", "target") + "/release/larder")
    parser.add_argument("--home", type=pathlib.Path, default=home, help="made anew, removed at the end")
    parser.add_argument("--keep", action="store_true", help="keep that folder")
    return parser


def begin(arguments: argparse.Namespace, encoder: str, sizes: dict) -> tuple[list[str], list[str]]:
    """An empty home with an encoder of those sizes: the command of larder, and the words that the encoder knows."""
    home: pathlib.Path = arguments.home
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    words = vocabulary(random.Random(SEED))
    (home / "config.json").write_text(json.dumps(CONFIG | sizes), encoding="utf-8")
    (home / "words.json").write_text(json.dumps(tokenizer(words)), encoding="utf-8")
    larder = [str(arguments.larder), "--home", str(home)]
    init = ["encoder", "init", "--config", str(home / "config.json"), "--tokenizer", str(home / "words.json")]
    subprocess.run([*larder, *init, "--name", encoder], check=True, stdout=subprocess.DEVNULL)
    return larder, words


def measured(command: list[str]) -> tuple[int, float]:
    """Peak resident bytes and seconds of one process; its talk goes through."""
    peak, seconds, _ = usage(command)
    return peak, seconds


def usage(command: list[str]) -> tuple[int, float, float]:
    """Peak resident bytes, seconds and processor seconds (all threads, the system's work included) of one process."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    # macOS counts bytes, Linux kilobytes.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak, seconds, used.ru_utime + used.ru_stime
