"""Scores of scikit-learn for label sets, plain and nasty: writes multilabel.json beside this file.

Made with scikit-learn 1.9.1 and numpy 2.4.6; run: python recipe_multilabel.py (four minutes, nearly all for the
bootstraps). The bootstrap entries draw rows with numpy's generator, larder with its own: the two must agree up to the
noise of the stated number of resamples.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics

assert sklearn.__version__ == "1.9.1", sklearn.__version__
rng = np.random.default_rng(20262)


def noisy(gold, right):
    """Probabilities in steps of 0.05, so with ties, that lean towards gold; answers are those of 0.5 or more."""
    raw = right * gold + (1 - right) * rng.random(gold.shape)
    return np.round(raw * 20) / 20


def sparse(rows, labels, share):
    return (rng.random((rows, labels)) < share).astype(int)


def cases():
    gold = sparse(60, 5, 0.3)
    yield "five labels", gold, noisy(gold, 0.4)
    yield "five labels, strong", gold, noisy(gold, 0.55)
    yield "five labels, perfect", gold, gold.astype(float)
    yield "five labels, inverted", gold, 1.0 - gold
    yield "five labels, everything equal", gold, np.full(gold.shape, 0.5)
    yield "five labels, never answered", gold, noisy(gold, 0.4) * 0.45
    yield "five labels, always answered", gold, 0.5 + noisy(gold, 0.4) / 2
    yield "no row has a label", np.zeros((9, 4), int), noisy(np.zeros((9, 4), int), 0.3)
    yield "every row has all labels", np.ones((9, 4), int), noisy(np.ones((9, 4), int), 0.3)
    mixed = np.array([[0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1]])
    yield "empty and full rows", mixed, noisy(mixed, 0.3)
    absent = sparse(40, 6, 0.3)
    absent[:, 2] = 0
    answers = noisy(absent, 0.4)
    yield "label 2 is absent from gold", absent, answers
    answers = answers.copy()
    answers[:, 2] = 0.1
    yield "label 2 occurs nowhere", absent, answers
    full = sparse(30, 4, 0.3)
    full[:, 1] = 1
    yield "every row has label 1", full, noisy(full, 0.4)
    one = sparse(30, 1, 0.4)
    yield "one label", one, noisy(one, 0.4)
    yield "one label that no row has", np.zeros((5, 1), int), noisy(np.zeros((5, 1), int), 0.1)
    yield "one label that every row has", np.ones((5, 1), int), noisy(np.ones((5, 1), int), 0.1)
    yield "one row", np.array([[1, 0, 1, 0]]), np.array([[0.7, 0.6, 0.2, 0.2]])
    yield "one row, empty", np.array([[0, 0, 0]]), np.array([[0.7, 0.6, 0.2]])
    exclusive = np.eye(4, dtype=int)[rng.integers(0, 4, 50)]
    yield "one label a row", exclusive, noisy(exclusive, 0.4)
    emotions = (rng.random((200, 28)) < rng.permutation(np.geomspace(0.003, 0.3, 28))).astype(int)
    yield "28 labels, most of them rare", emotions, noisy(emotions, 0.45)


def answered(probabilities):
    return (probabilities >= 0.5).astype(int)


def average(gold, predicted, kind):
    # One column is a two-class task to scikit-learn: its class 1 is the label.
    settings = {"average": "binary", "pos_label": 1} if gold.shape[1] == 1 else {"average": kind}
    if gold.shape[1] == 1:
        gold, predicted = gold.ravel(), predicted.ravel()
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(gold, predicted, zero_division=0, **settings)
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(gold.sum())}


def scores(gold, probabilities):
    predicted = answered(probabilities)
    per_label = []
    for label in range(gold.shape[1]):
        one = average(gold[:, [label]], predicted[:, [label]], None)
        one["answered"] = int(predicted[:, label].sum())
        one["average_precision"] = float(metrics.average_precision_score(gold[:, label], probabilities[:, label]))
        per_label.append(one)
    # Subset accuracy of one column is accuracy.
    return {
        "rows": len(gold),
        "micro": average(gold, predicted, "micro"),
        "macro": average(gold, predicted, "macro"),
        "weighted": average(gold, predicted, "weighted"),
        "subset_accuracy": float(metrics.accuracy_score(gold, predicted)),
        "hamming_loss": float(metrics.hamming_loss(gold, predicted)),
        "lrap": float(metrics.label_ranking_average_precision_score(gold, probabilities)),
        "macro_average_precision": float(
            np.mean([one["average_precision"] for one in per_label if one["support"] > 0] or [0.0])
        ),
        "per_label": per_label,
    }


METRICS = {
    "macro_f1": lambda gold, p: metrics.f1_score(gold, answered(p), average="macro", zero_division=0),
    "micro_f1": lambda gold, p: metrics.f1_score(gold, answered(p), average="micro", zero_division=0),
    "weighted_f1": lambda gold, p: metrics.f1_score(gold, answered(p), average="weighted", zero_division=0),
    "subset_accuracy": lambda gold, p: metrics.accuracy_score(gold, answered(p)),
    "lrap": metrics.label_ranking_average_precision_score,
}


def bootstraps():
    gold = (rng.random((150, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]).astype(int)
    first, second = noisy(gold, 0.45), noisy(gold, 0.35)
    for spelling, score in METRICS.items():
        values, differences = [], []
        for _ in range(4000):
            rows = rng.integers(0, len(gold), len(gold))
            values.append(score(gold[rows], first[rows]))
            differences.append(values[-1] - score(gold[rows], second[rows]))
        yield {
            "metric": spelling,
            "labels": gold.shape[1],
            "resamples": 4000,
            "gold": gold.ravel().astype(bool).tolist(),
            "first": first.ravel().tolist(),
            "second": second.ravel().tolist(),
            "interval": [float(value) for value in np.quantile(values, [0.025, 0.975])],
            "difference": float(score(gold, first) - score(gold, second)),
            "difference_interval": [float(value) for value in np.quantile(differences, [0.025, 0.975])],
        }


def main():
    warnings.simplefilter("ignore")
    written = [
        {
            "name": name,
            "labels": gold.shape[1],
            "gold": gold.ravel().astype(bool).tolist(),
            "probabilities": probabilities.ravel().tolist(),
            "scores": scores(gold, probabilities),
            "cooccurrence": (gold.T @ gold).tolist(),
        }
        for name, gold, probabilities in cases()
    ]
    lines = lambda entries: "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"
    text = '{"cases": ' + lines(written) + ',\n"bootstraps": ' + lines(list(bootstraps())) + "}\n"
    (Path(__file__).parent / "multilabel.json").write_text(text)


main()
