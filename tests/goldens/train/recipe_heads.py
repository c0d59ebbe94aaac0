"""Makes ridge.json and multilabel.json: ridge regression and one-vs-rest logistic regression as scikit-learn solves them.

    pip install scikit-learn==1.9.1 numpy && python recipe_heads.py

Features are drawn from a fixed seed and standardised (StandardScaler). Ridge (its cholesky solver): the objective
|y - Zw - b|^2 + alpha |w|^2, weights, intercept, and for every row the prediction of a fit on all other rows, by so many
fits (the standardisation is that of all rows). `wide` has more dimensions than rows. Labels: OneVsRestClassifier of
LogisticRegression (newton-cholesky, to a gradient of 1e-10): the objective of each label (sum of weighted log-losses plus
|w|^2 / 2C, intercept free), weights, intercepts, and the probabilities of the first rows.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

assert sklearn.__version__ == "1.9.1", sklearn.__version__
HERE = pathlib.Path(__file__).parent
SHOWN = 16  # rows whose probabilities are stored


def features(random, rows, width):
    x = random.normal(size=(rows, width)) @ random.normal(size=(width, width)) / np.sqrt(width)
    x = x * np.logspace(-1, 1, width) + np.linspace(-5, 20, width)
    # What is stored is what is solved: float32 with six digits.
    return np.array([[float(f"{value:.6g}") for value in row] for row in x]).astype(np.float32)


def stored(x):
    return [[float(f"{value:.6g}") for value in row] for row in x]


def write(name, document):
    (HERE / name).write_text(json.dumps(document, separators=(",", ":")) + "\n")


def ridge(seed, rows, width):
    random = np.random.default_rng(seed)
    x = features(random, rows, width)
    z = StandardScaler().fit_transform(x.astype(np.float64))
    y = np.round(z @ random.normal(size=width) / np.sqrt(width) + random.normal(size=rows) + 2.5, 3)
    fits = []
    for alpha in (0.1, 10.0, 1000.0):
        model = Ridge(alpha=alpha, solver="cholesky").fit(z, y)
        others = [np.arange(rows) != row for row in range(rows)]
        left_out = [
            float(Ridge(alpha=alpha, solver="cholesky").fit(z[keep], y[keep]).predict(z[~keep])[0]) for keep in others
        ]
        objective = ((y - model.predict(z)) ** 2).sum() + alpha * (model.coef_**2).sum()
        fits.append(
            {
                "alpha": alpha,
                "objective": float(objective),
                "weights": model.coef_.tolist(),
                "intercept": float(model.intercept_),
                "leave_one_out": left_out,
            }
        )
    return {"features": stored(x), "targets": y.tolist(), "fits": fits}


def log_losses(logits, y):
    return np.logaddexp(0, np.where(y == 1, -logits, logits))


def labels(seed, rows, width, count):
    random = np.random.default_rng(seed)
    x = features(random, rows, width)
    z = StandardScaler().fit_transform(x.astype(np.float64))
    # Frequent labels and rare ones.
    logits = z @ random.normal(size=(width, count)) + np.linspace(0.5, -4, count)
    y = (logits + random.logistic(size=logits.shape) > 0).astype(int)
    assert y.sum(0).min() >= 4
    fits = []
    for c in (0.01, 1.0, 100.0):
        for weight in (None, "balanced"):
            one = LogisticRegression(C=c, class_weight=weight, solver="newton-cholesky", tol=1e-10, max_iter=1000)
            model = OneVsRestClassifier(one).fit(z, y)
            objectives = []
            for label, estimator in enumerate(model.estimators_):
                of_label = y[:, label]
                per_class = np.ones(2) if weight is None else rows / (2 * np.bincount(of_label))
                losses = per_class[of_label] * log_losses(estimator.decision_function(z), of_label)
                objectives.append(float(losses.sum() + (estimator.coef_**2).sum() / (2 * c)))
            fits.append(
                {
                    "c": c,
                    "class_weight": weight or "none",
                    "objectives": objectives,
                    "weights": [estimator.coef_[0].tolist() for estimator in model.estimators_],
                    "intercept": [float(estimator.intercept_[0]) for estimator in model.estimators_],
                    "probabilities": model.predict_proba(z[:SHOWN]).tolist(),
                }
            )
    return {"features": stored(x), "labels": y.tolist(), "fits": fits}


write("ridge.json", {"tall": ridge(seed=3, rows=60, width=8), "wide": ridge(seed=4, rows=24, width=40)})
write("multilabel.json", labels(seed=5, rows=250, width=10, count=5))
