"""Rows with gold and predictions, and scores of scikit-learn and SciPy for them: writes expected.json beside this file.

Made with scikit-learn 1.9.1 and SciPy 1.17.1; run: python recipe.py
The baselines are constant answers chosen on the gold rows themselves, scored as any other answer.
"""

import collections
import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

assert (scipy.__version__, sklearn.__version__) == ("1.17.1", "1.9.1"), (scipy.__version__, sklearn.__version__)
rng = np.random.default_rng(20264)
LABELS = ["anger", "fear", "joy", "sadness"]


def label_sets():
    gold = (rng.random((60, 4)) < [0.6, 0.1, 0.4, 0.2]).astype(int)
    probabilities = np.round(0.5 * gold + 0.5 * rng.random(gold.shape), 2)
    predicted = (probabilities >= 0.45).astype(int)
    counts = collections.Counter(tuple(row) for row in gold.tolist())
    frequent = min(counts, key=lambda row: (-counts[row], np.flatnonzero(row).tolist()))
    above_half = (gold.mean(axis=0) > 0.5).astype(int)
    shares = np.tile(gold.mean(axis=0), (len(gold), 1))

    def scores(answers, probabilities):
        f1 = {name: metrics.f1_score(gold, answers, average=name, zero_division=0) for name in ["micro", "macro", "weighted"]}
        return {
            **f1,
            "subset_accuracy": metrics.accuracy_score(gold, answers),
            "hamming_loss": metrics.hamming_loss(gold, answers),
            "lrap": metrics.label_ranking_average_precision_score(gold, probabilities),
            "macro_average_precision": metrics.average_precision_score(gold, probabilities, average="macro"),
        }

    precision, recall, f1, support = metrics.precision_recall_fscore_support(gold, predicted, zero_division=0)
    return {
        "labels": LABELS,
        "gold": gold.tolist(),
        "predicted": predicted.tolist(),
        "probabilities": probabilities.tolist(),
        "scores": scores(predicted, probabilities),
        "per_label": [list(map(float, row)) for row in zip(precision, recall, f1, support)],
        "most_frequent_set": scores(np.tile(frequent, (len(gold), 1)), shares),
        "above_half": scores(np.tile(above_half, (len(gold), 1)), shares),
    }


def numbers():
    gold = np.round(rng.random(70) * 5, 1)
    predicted = np.round(0.6 * gold + 1.5 * rng.random(70), 2)

    def errors(answers):
        return {
            "r2": metrics.r2_score(gold, answers),
            "mae": metrics.mean_absolute_error(gold, answers),
            "rmse": metrics.root_mean_squared_error(gold, answers),
        }

    correlations = {
        "pearson": stats.pearsonr(gold, predicted).statistic,
        "spearman": stats.spearmanr(gold, predicted).statistic,
    }
    return {
        "gold": gold.tolist(),
        "predicted": predicted.tolist(),
        "scores": correlations | errors(predicted),
        "mean": errors(np.full(70, gold.mean())),
        "median": errors(np.full(70, np.median(gold))),
    }


expected = {"label_sets": label_sets(), "numbers": numbers()}
Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")
