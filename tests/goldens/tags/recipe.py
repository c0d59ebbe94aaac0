"""Entities that seqeval reads in tag sequences, legal, illegal and malformed: writes sequences.json beside this file.

Made with seqeval 1.2.2; run: python recipe.py (a second)
`conlleval` holds what its default mode reads (`get_entities`), `strict` what `mode="strict"` reads in each scheme whose
marks the sequence keeps to (elsewhere seqeval ends with an error). Entities are [type, start, end], end excluded.
"""

import json
import random
import warnings
from importlib.metadata import version
from pathlib import Path

from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Tokens

assert version("seqeval") == "1.2.2", version("seqeval")
random.seed(20263)

SCHEMES = {"IOB1": (IOB1, "OBI"), "IOB2": (IOB2, "OBI"), "IOBES": (IOBES, "OBIES"), "BILOU": (BILOU, "OBILU")}

BY_HAND = """

O
O O O
B-a
I-a
E-a
S-a
L-a
U-a
I-a I-a
O I-a
O I-a I-a O
I-a I-b
B-a I-b
B-a I-b I-b
B-a I-a I-b I-a
B-a B-a
B-a B-b
I-a B-a
I-a B-b
I-a B-a I-a B-a
O B-a I-a
O B-a B-a
O B-a B-b I-b
O B-a I-b
B-a I-a B-a B-b I-b
B-a I-a I-a O B-a O
B-a O I-a
B-a E-a
B-a I-a E-a
B-a I-a
B-a I-a O
B-a I-a S-a
B-a S-a
B-a E-b
B-a I-a E-b
E-a E-a
O E-a
I-a E-a
S-a S-a
S-a E-a
S-a I-a
S-a I-a E-a
E-a I-a
E-a I-a E-a
B-a E-a E-a
B-a E-a I-a E-a
B-a E-a B-a E-a S-a
B-a L-a
B-a I-a L-a
B-a L-a U-a
U-a U-a
U-a U-b
U-a L-a
L-a L-a
L-a U-a
I-a L-a
O L-a
O U-a B-a
B-a U-a I-a
B-a U-b I-b
B-a L-b U-b
B-a I-a U-a
B-x-y I-x-y
B-x-y I-x
B-x-y I-x-z
B-x_y I-x_y I-x_z
B-x- I-x
B-x I-x-
B--x I-x
B--x I--x
B-- I--
B-_ I-_ I-
B I
B I O B
I
O I
I O I I
B- I-
B- I
E S
B-a I
I I-a
B-a I-
Bx Ix
Bx-y I-y
Bx-y Ix-z
O-a I-a
O-a B-a I-a O-a
B-a O-a I-a
B-person I-Person
B-é I-é O B-日本 I-日本
""".split("\n")[1:-1]


def by_hand():
    for line in BY_HAND:
        yield line.split()


def at_random():
    for scheme, (_, marks) in SCHEMES.items():
        types = ["a", "b", "x-y", "x_y"] if scheme == "IOBES" else ["a", "b"]
        for _ in range(100):
            yield sequence(marks, types)
    for _ in range(100):
        yield sequence("OBIESLU", ["a", "b", "", "-", "a-", "-a"])


def sequence(marks, types):
    tags = []
    for _ in range(random.randint(1, 9)):
        mark = random.choice(marks)
        # The last type again, most of the time, or hardly an entity would have two words.
        kind = tags[-1][2:] if tags and tags[-1] != "O" and random.random() < 0.7 else random.choice(types)
        tags.append("O" if mark == "O" else f"{mark}-{kind}")
    return tags


def entities(tags):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        default = [[kind, start, end + 1] for kind, start, end in get_entities(list(tags))]
    strict = {}
    for name, (scheme, marks) in SCHEMES.items():
        if all(tag[0] in marks for tag in tags):
            strict[name] = [[found.tag, found.start, found.end] for found in Tokens(list(tags), scheme).entities]
    return {"tags": tags, "conlleval": default, "strict": strict}


def main():
    cases = [entities(tags) for tags in [*by_hand(), *at_random()]]
    text = "[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n"
    (Path(__file__).parent / "sequences.json").write_text(text, encoding="utf-8")


main()
