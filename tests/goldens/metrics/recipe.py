"""Scores of scikit-learn for classification cases, plain and nasty: writes classification.json beside this file.

Made with scikit-learn 1.9.1 and numpy; run: python recipe.py (four minutes, nearly all for the bootstraps)
The bootstrap entries draw *rows* with replacement, where larder draws counts: the two must agree up to the noise of
the stated number of resamples.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics

assert sklearn.__version__ == "1.9.1", sklearn.__version__
rng = np.random.default_rng(20261)


def noisy(gold, classes, right):
    """Answers that are right with probability `right`, else any class."""
    answers = rng.integers(0, classes, len(gold))
    return np.where(rng.random(len(gold)) < right, gold, answers)


def cases():
    binary = (rng.random(60) < 0.7).astype(int)
    yield "binary", 2, binary, noisy(binary, 2, 0.5)
    yield "binary, strong", 2, binary, noisy(binary, 2, 0.9)
    yield "binary, perfect", 2, binary, binary
    yield "binary, inverted", 2, binary, 1 - binary
    yield "binary, always 1", 2, binary, np.ones_like(binary)
    yield "binary, always 0", 2, binary, np.zeros_like(binary)
    yield "gold has class 1 only, answers mixed", 2, np.ones(10, int), np.array([1, 0] * 5)
    yield "gold has class 0 only, all right", 2, np.zeros(7, int), np.zeros(7, int)
    yield "gold has class 1 only, all wrong", 2, np.ones(4, int), np.zeros(4, int)
    yield "one row, right", 2, np.array([1]), np.array([1])
    yield "one row, wrong", 2, np.array([1]), np.array([0])
    rare = np.zeros(80, int)
    rare[:3] = 1
    yield "rare class found once", 2, rare, np.where(np.isin(np.arange(80), [0, 40]), 1, 0)
    three = rng.integers(0, 3, 50)
    yield "three classes", 3, three, noisy(three, 3, 0.5)
    yield "three classes, perfect", 3, three, three
    yield "three classes, shifted", 3, three, (three + 1) % 3
    yield "three classes, one never answered", 3, three, np.where(three == 2, 0, three)
    yield "class 1 of 3 is absent from gold", 3, np.array([0, 0, 2, 2, 2]), np.array([0, 1, 2, 1, 2])
    yield "class 3 of 4 occurs nowhere", 4, np.array([0, 1, 2, 1, 0]), np.array([0, 1, 2, 2, 1])
    twelve = rng.choice(12, 150, p=np.arange(1, 13) / 78)
    yield "twelve classes", 12, twelve, noisy(twelve, 12, 0.6)
    yield "twelve classes, chance", 12, twelve, noisy(twelve, 12, 0.0)
    yield "twelve classes, majority", 12, twelve, np.full(150, np.bincount(twelve).argmax())


def scores(gold, predicted, classes):
    labels = list(range(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, support = metrics.precision_recall_fscore_support(
            gold, predicted, labels=labels, zero_division=0
        )
        return {
            "rows": len(gold),
            "accuracy": metrics.accuracy_score(gold, predicted),
            "mcc": float(metrics.matthews_corrcoef(gold, predicted)),
            "macro_f1": metrics.f1_score(gold, predicted, average="macro", zero_division=0),
            "weighted_f1": metrics.f1_score(gold, predicted, average="weighted", zero_division=0),
            "per_class": [
                {"precision": p, "recall": r, "f1": f, "support": int(s)}
                for p, r, f, s in zip(precision.tolist(), recall.tolist(), f1.tolist(), support.tolist())
            ],
        }


def probabilities(gold, classes):
    """Dirichlet rows leaning towards gold; the first is sure and wrong, the second sure and right."""
    rows = rng.dirichlet(np.full(classes, 0.5), len(gold)) + 0.5 * np.eye(classes)[gold]
    rows = np.round(rows / rows.sum(1, keepdims=True), 6)
    rows[:, 0] += 1 - rows.sum(1)
    rows = np.clip(rows, 0, 1)
    rows[0] = np.eye(classes)[(gold[0] + 1) % classes]
    if len(gold) > 1:
        rows[1] = np.eye(classes)[gold[1]]
    return rows


def percentiles(gold, first, second, score, resamples):
    values = []
    for _ in range(resamples):
        rows = rng.integers(0, len(gold), len(gold))
        value = score(gold[rows], first[rows])
        values.append(value - score(gold[rows], second[rows]) if second is not None else value)
    return [float(value) for value in np.quantile(values, [0.025, 0.975])]


def bootstraps():
    binary = (rng.random(300) < 0.7).astype(int)
    four = rng.choice(4, 200, p=[0.5, 0.3, 0.15, 0.05])
    metric = {
        "mcc": metrics.matthews_corrcoef,
        "accuracy": metrics.accuracy_score,
        "macro_f1": lambda gold, predicted: metrics.f1_score(gold, predicted, average="macro", zero_division=0),
    }
    for name, classes, gold in [("binary", 2, binary), ("four classes", 4, four)]:
        first, second = noisy(gold, classes, 0.6), noisy(gold, classes, 0.5)
        for spelling, score in metric.items():
            yield {
                "name": name,
                "classes": classes,
                "metric": spelling,
                "resamples": 4000,
                "gold": gold.tolist(),
                "first": first.tolist(),
                "second": second.tolist(),
                "interval": percentiles(gold, first, None, score, 4000),
                "difference": float(score(gold, first) - score(gold, second)),
                "difference_interval": percentiles(gold, first, second, score, 4000),
            }


def main():
    written = []
    for name, classes, gold, predicted in cases():
        rows = probabilities(gold, classes)
        labels = list(range(classes))
        written.append(
            {
                "name": name,
                "classes": classes,
                "gold": gold.tolist(),
                "predicted": predicted.tolist(),
                "confusion": metrics.confusion_matrix(gold, predicted, labels=labels).tolist(),
                "scores": scores(gold, predicted, classes),
                "probabilities": rows.ravel().tolist(),
                "log_loss": float(metrics.log_loss(gold, rows, labels=labels)),
            }
        )
    lines = lambda entries: "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"
    text = '{"cases": ' + lines(written) + ',\n"bootstraps": ' + lines(list(bootstraps())) + "}\n"
    (Path(__file__).parent / "classification.json").write_text(text)


main()
