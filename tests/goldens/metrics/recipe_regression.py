"""Scores of SciPy and scikit-learn for predicted numbers, plain and nasty: writes regression.json beside this file.

Made with SciPy 1.17.1, scikit-learn 1.9.1 and numpy 2.4.6; run: python recipe_regression.py (20 seconds). Where SciPy
and scikit-learn give no number (a constant side, a single row), the case has null, and larder's own rule holds.
The bootstrap entries draw rows with numpy's generator, larder with its own: the two must agree up to the noise of the
stated number of resamples.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

assert (scipy.__version__, sklearn.__version__) == ("1.17.1", "1.9.1"), (scipy.__version__, sklearn.__version__)
rng = np.random.default_rng(20263)


def cases():
    gold = rng.normal(size=80)
    yield "normal", gold, 0.7 * gold + 0.5 * rng.normal(size=80)
    yield "normal, unrelated", gold, rng.normal(size=80)
    yield "normal, perfect", gold, gold
    yield "normal, inverted", gold, -gold
    yield "normal, scaled and shifted", gold, 3 * gold - 7
    yield "normal, monotone and crooked", gold, np.exp(2 * gold)
    stars = rng.integers(1, 6, 120).astype(float)
    yield "five steps against many", stars, stars + rng.normal(size=120)
    yield "five steps against five", stars, np.clip(stars + rng.integers(-1, 2, 120), 1, 5)
    yield "similarity 0 to 5", np.round(rng.random(200) * 5, 1), np.round(rng.random(200) * 5, 2)
    yield "a large mean", 1e9 + gold, 1e9 + gold + 0.3 * rng.normal(size=80)
    yield "large and small units", 1e6 * gold, 1e-6 * (gold + rng.normal(size=80))
    outlier = gold.copy()
    outlier[3] = 1e6
    yield "one outlier in gold", outlier, gold
    yield "constant answer", gold, np.full(80, 0.1)
    yield "constant answer, the mean", gold, np.full(80, gold.mean())
    yield "constant gold", np.full(10, 0.1), rng.normal(size=10)
    yield "constant gold, all right", np.full(10, 0.1), np.full(10, 0.1)
    yield "both constant, apart", np.full(10, 0.1), np.full(10, 0.3)
    yield "two rows", np.array([1.0, 2.0]), np.array([0.5, 4.0])
    yield "two rows, wrong way round", np.array([1.0, 2.0]), np.array([4.0, 0.5])
    yield "one row, right", np.array([2.5]), np.array([2.5])
    yield "one row, wrong", np.array([2.5]), np.array([1.5])


def number(value):
    return float(value) if math.isfinite(value) else None


def pearson(gold, predicted):
    return stats.pearsonr(gold, predicted).statistic if len(gold) > 1 else math.nan


def spearman(gold, predicted):
    return stats.spearmanr(gold, predicted).statistic if len(gold) > 1 else math.nan


METRICS = {
    "pearson": pearson,
    "spearman": spearman,
    "r2": metrics.r2_score,
    "mae": metrics.mean_absolute_error,
    "rmse": metrics.root_mean_squared_error,
}


def bootstraps():
    gold = np.round(rng.normal(size=120), 1)
    first, second = gold + 0.6 * rng.normal(size=120), gold + 0.9 * rng.normal(size=120)
    first = np.round(first, 1)
    for spelling, score in METRICS.items():
        values, differences = [], []
        sign = 1 if spelling in ("pearson", "spearman", "r2") else -1
        for _ in range(4000):
            rows = rng.integers(0, len(gold), len(gold))
            values.append(score(gold[rows], first[rows]))
            differences.append(sign * (values[-1] - score(gold[rows], second[rows])))
        yield {
            "metric": spelling,
            "resamples": 4000,
            "gold": gold.tolist(),
            "first": first.tolist(),
            "second": second.tolist(),
            "interval": [float(value) for value in np.quantile(values, [0.025, 0.975])],
            "difference": float(sign * (score(gold, first) - score(gold, second))),
            "difference_interval": [float(value) for value in np.quantile(differences, [0.025, 0.975])],
        }


def main():
    warnings.simplefilter("ignore")
    written = [
        {
            "name": name,
            "gold": gold.tolist(),
            "predicted": predicted.tolist(),
            "scores": {spelling: number(score(gold, predicted)) for spelling, score in METRICS.items()},
        }
        for name, gold, predicted in cases()
    ]
    lines = lambda entries: "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"
    text = '{"cases": ' + lines(written) + ',\n"bootstraps": ' + lines(list(bootstraps())) + "}\n"
    (Path(__file__).parent / "regression.json").write_text(text)


main()
