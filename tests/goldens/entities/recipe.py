"""Scores of seqeval for tagging cases, plain and nasty: writes crates/larder-metrics/tests/goldens/entities.json.

Made with seqeval 1.2.2 and numpy 2.4.6; run: python recipe.py (seconds)
`strict` is seqeval's mode="strict" with the case's scheme, `conlleval` its default. The default knows no BILOU: there
L- and U- are written as IOBES has them, E- and S-. A sentence is one string, tags separated by blanks.
The bootstrap entries draw *sentences* with replacement, where larder draws counts: the two must agree up to the noise
of the stated number of resamples.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from seqeval import scheme as schemes
from seqeval.metrics import accuracy_score, sequence_labeling, v1

assert version("seqeval") == "1.2.2", version("seqeval")
assert np.__version__ == "2.4.6", np.__version__
rng = np.random.default_rng(20263)

SCHEMES = {"iob1": schemes.IOB1, "iob2": schemes.IOB2, "iobes": schemes.IOBES, "bilou": schemes.BILOU}
MARKS = {"iob1": "BI", "iob2": "BI", "iobes": "BIES", "bilou": "BILU"}
AVERAGES = ("micro", "macro", "weighted")


def entities(types, words):
    """Entities of a sentence as (start, end, type): adjacent ones are common, and so are those of one word."""
    found, word = [], 0
    while word < words:
        if rng.random() < 0.4:
            end = min(words, word + int(rng.integers(1, 4)))
            found.append((word, end, str(rng.choice(types))))
            word = end
        else:
            word += 1
    return found


def noisy(gold, types, right):
    """Entities that are right with probability `right`, else lost, renamed, shortened or joined by another."""
    found, taken = [], 0
    for start, end, entity_type in gold:
        if rng.random() >= right:
            change = rng.integers(0, 4)
            if change == 0:
                continue
            if change == 1:
                entity_type = str(rng.choice(types))
            if change == 2 and end - start > 1:
                end -= 1
            if change == 3 and start > taken:
                found.append((taken, start, str(rng.choice(types))))
        found.append((start, end, entity_type))
        taken = end
    return found


def tags(found, words, scheme):
    written, before = ["O"] * words, None
    for start, end, entity_type in found:
        marks = "I" * (end - start)
        if scheme == "iob2" or (scheme == "iob1" and before == (start, entity_type)):
            marks = "B" + marks[1:]
        if scheme in ("iobes", "bilou"):
            last, only = "ES" if scheme == "iobes" else "LU"
            marks = only if end - start == 1 else "B" + marks[2:] + last
        written[start:end] = [f"{mark}-{entity_type}" for mark in marks]
        before = (end, entity_type)
    return written


def legal(scheme, types, sentences, right):
    gold, predicted = [], []
    for _ in range(sentences):
        words = int(rng.integers(0, 15))
        found = entities(types, words)
        gold.append(tags(found, words, scheme))
        predicted.append(tags(noisy(found, types, right), words, scheme))
    return gold, predicted


def anything(scheme, types, sentences):
    """Tags of the scheme in any order, most of it illegal; half of the predicted ones are gold's."""
    known = ["O"] + [f"{mark}-{entity_type}" for mark in MARKS[scheme] for entity_type in types]
    gold = [[str(tag) for tag in rng.choice(known, rng.integers(0, 15))] for _ in range(sentences)]
    answer = lambda tag: tag if rng.random() < 0.75 else str(rng.choice(known))
    return gold, [[answer(tag) for tag in sentence] for sentence in gold]


HAND_WRITTEN = {
    "one right, one too long": ("O O B-MISC I-MISC O | B-PER I-PER O", "O B-MISC I-MISC I-MISC O | B-PER I-PER O"),
    "perfect": ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC"),
    "all outside": ("B-PER I-PER O B-LOC | B-LOC", "O O O O | O"),
    "wrong type": ("B-PER I-PER O B-LOC", "B-LOC I-LOC O B-LOC"),
    "prediction starts with I at the edge": ("B-PER I-PER O", "I-PER I-PER O"),
    "prediction starts with I after O": ("O B-PER I-PER O", "O I-PER I-PER O"),
    "prediction changes type within an entity": ("B-PER I-PER I-PER O", "B-PER I-LOC I-LOC O"),
    "gold starts with I": ("O I-PER I-PER O B-LOC", "O B-PER I-PER O B-LOC"),
    "both start with I": ("I-PER O I-LOC", "I-PER O I-LOC"),
    "adjacent, same type": ("B-PER B-PER I-PER O B-PER", "B-PER B-PER I-PER O B-PER"),
    "adjacent, same type, joined": ("B-PER B-PER I-PER O", "B-PER I-PER I-PER O"),
    "one, torn apart": ("B-PER I-PER I-PER O", "B-PER B-PER I-PER O"),
    "adjacent, joined by an illegal I": ("B-PER B-LOC O", "B-PER I-LOC O"),
    "I after another type, then B": ("B-PER I-PER B-PER O", "B-LOC I-PER B-PER O"),
    "an entity at the end, I at the next start": ("O B-PER | B-PER O", "O B-PER | I-PER O"),
    "empty sentences": (" | B-PER O |  | B-LOC | ", " | B-PER O |  | O | "),
    "types with hyphens": ("B-creative-work I-creative-work O B-a-b", "B-creative-work I-creative-work O B-a"),
    "types that begin alike": ("B-a I-a O B-a-b I-a-b", "B-a I-a-b O B-a-b I-a"),
    "types beyond ASCII": ("B-Ört I-Ört O B-人 O", "B-Ört O O B-人 O"),
    "a type that only gold has": ("B-PER O B-LOC", "B-PER O O"),
    "a type that only the prediction has": ("B-PER O O", "B-PER O B-LOC"),
    "types without a common one": ("B-PER O B-LOC", "B-MISC O B-ORG"),
    "no entities in gold": ("O O O", "O B-PER I-PER"),
    "no entities anywhere": ("O O O | O", "O O O | O"),
    "one word": ("B-PER", "B-PER"),
    "one word, only I": ("I-PER", "B-PER"),
}


def cases():
    for name, (gold, predicted) in HAND_WRITTEN.items():
        split = lambda text: [sentence.split() for sentence in text.split("|")]
        yield name, "iob2", split(gold), split(predicted)
    types = ["PER", "LOC", "creative-work", "ORG"]
    twelve = [f"t{number}" for number in range(12)]
    for scheme in SCHEMES:
        for right in (0.2, 0.6, 0.95):
            yield f"{scheme}, legal, {right} right", scheme, *legal(scheme, types, 30, right)
        yield f"{scheme}, legal, twelve types", scheme, *legal(scheme, twelve, 40, 0.5)
        yield f"{scheme}, legal, one type", scheme, *legal(scheme, types[:1], 20, 0.5)
        for number in range(2):
            yield f"{scheme}, anything {number}", scheme, *anything(scheme, types[:2], 40)
        yield f"{scheme}, anything, twelve types", scheme, *anything(scheme, twelve, 40)


def as_iobes(sentences):
    renamed = {"L": "E", "U": "S"}
    return [[renamed.get(tag[0], tag[0]) + tag[1:] for tag in sentence] for sentence in sentences]


def readings(scheme, gold, predicted):
    """Per rule: (seqeval's score function, its arguments, the entity types that occur)."""
    strict = v1.Entities(gold, SCHEMES[scheme]), v1.Entities(predicted, SCHEMES[scheme])
    strict_types = sorted(strict[0].unique_tags | strict[1].unique_tags)
    score = lambda average: v1.precision_recall_fscore_support(
        gold, predicted, average=average, scheme=SCHEMES[scheme], zero_division=0
    )
    yield "strict", score, strict_types

    pair = (as_iobes(gold), as_iobes(predicted)) if scheme == "bilou" else (gold, predicted)
    types = sorted({entity[0] for side in pair for entity in sequence_labeling.get_entities(side)})
    score = lambda average: sequence_labeling.precision_recall_fscore_support(*pair, average=average, zero_division=0)
    yield "conlleval", score, types


def entry(name, scheme, gold, predicted):
    written = {
        "name": name,
        "scheme": scheme,
        "gold": [" ".join(sentence) for sentence in gold],
        "predicted": [" ".join(sentence) for sentence in predicted],
        "accuracy": float(accuracy_score(gold, predicted)),
    }
    names = ("precision", "recall", "f1", "support")
    plain = lambda row: dict(zip(names, [*map(float, row[:3]), int(row[3])]))
    for rule, score, types in readings(scheme, gold, predicted):
        with warnings.catch_warnings():
            # Without any entity numpy warns of the mean of nothing; then there is nothing to agree with.
            warnings.simplefilter("ignore")
            averages = {average: plain(score(average)) for average in AVERAGES if types or average != "macro"}
        rows = zip(*score(None))
        per_type = [{"entity_type": entity_type, **plain(row)} for entity_type, row in zip(types, rows, strict=True)]
        written[rule] = {**averages, "per_type": per_type}
    return written


def counts(scheme, gold, predicted):
    """Of each sentence: entities right, predicted and gold, as seqeval's strict mode reads them; [sentences, 3]."""
    read = lambda sentence: {e.to_tuple() for e in schemes.Tokens(sentence, SCHEMES[scheme]).entities}
    pairs = [(read(gold), read(predicted)) for gold, predicted in zip(gold, predicted)]
    return np.array([(len(gold & predicted), len(predicted), len(gold)) for gold, predicted in pairs])


def f1(counted):
    correct, predicted, gold = counted.sum(0)
    return 2 * correct / (predicted + gold)


def bootstraps():
    types, resamples = ["PER", "LOC", "ORG"], 4000
    for name, sentences, right in [("many sentences", 300, (0.7, 0.6)), ("few sentences", 60, (0.9, 0.5))]:
        words = rng.integers(1, 20, sentences)
        found = [entities(types, count) for count in words]
        write = lambda side: [tags(sentence, count, "iob2") for sentence, count in zip(side, words)]
        gold = write(found)
        first, second = [write([noisy(sentence, types, share) for sentence in found]) for share in right]
        one, other = counts("iob2", gold, first), counts("iob2", gold, second)
        scores = []
        for _ in range(resamples):
            rows = rng.integers(0, sentences, sentences)
            scores.append((f1(one[rows]), f1(one[rows]) - f1(other[rows])))
        interval, difference = np.quantile(scores, [0.025, 0.975], axis=0).T.tolist()
        join = lambda side: [" ".join(sentence) for sentence in side]
        yield {
            "name": name,
            "resamples": resamples,
            "gold": join(gold),
            "first": join(first),
            "second": join(second),
            "interval": interval,
            "difference": float(f1(one) - f1(other)),
            "difference_interval": difference,
        }


def main():
    lines = lambda entries: "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]"
    text = '{"cases": ' + lines([entry(*case) for case in cases()]) + ',\n"bootstraps": ' + lines(bootstraps()) + "}\n"
    folder = Path(__file__).parents[3] / "crates/larder-metrics/tests/goldens"
    (folder / "entities.json").write_text(text, encoding="utf-8")


main()
