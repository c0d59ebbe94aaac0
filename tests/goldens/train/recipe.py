"""Makes binary.json and multinomial.json: logistic regression as scikit-learn solves it.

    pip install scikit-learn==1.9.1 numpy && python recipe.py

Features are drawn from a fixed seed; the rows of one matrix differ in scale by up to four orders of magnitude, which
breaks solvers whose log-sum-exp is not taken row by row. Each problem is solved on standardised features
(StandardScaler) with newton-cholesky to a gradient of 1e-10. Stored are the objective (sum of weighted log-losses plus
|w|^2 / 2C, intercept free), the weights, the intercepts (of more than two classes: shifted to mean 0, which changes no
probability), and the probabilities of the first rows.
"""

import json
import pathlib

import numpy as np
import sklearn
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

assert sklearn.__version__ == "1.9.1", sklearn.__version__
HERE = pathlib.Path(__file__).parent
SHOWN = 16  # rows whose probabilities are stored


def problem(seed, rows, width, classes, spread):
    random = np.random.default_rng(seed)
    truth = random.normal(size=(width, classes))
    x = random.normal(size=(rows, width)) @ random.normal(size=(width, width)) / np.sqrt(width)
    logits = x @ truth + random.gumbel(size=(rows, classes)) * 2 + np.linspace(0, 1.5, classes)
    y = logits.argmax(1)
    x *= 10 ** random.uniform(-spread, spread, size=(rows, 1))
    x = x * np.logspace(-1, 1, width) + np.linspace(-5, 20, width)
    # What is stored is what is solved: float32 with six digits.
    x = np.array([[float(f"{value:.6g}") for value in row] for row in x]).astype(np.float32)
    return x, y


def objective(z, y, weights, w, b, c):
    logits = z @ w.T + b
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    loss = logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]
    return float((weights * loss).sum() + (w**2).sum() / (2 * c))


def solve(x, y, c, class_weight):
    scaler = StandardScaler().fit(x.astype(np.float64))
    z = scaler.transform(x.astype(np.float64))
    model = LogisticRegression(C=c, class_weight=class_weight, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    model.fit(z, y)
    counts = np.bincount(y)
    per_class = np.ones(len(counts)) if class_weight is None else len(y) / (len(counts) * counts)
    w, b = model.coef_, model.intercept_
    if len(b) > 1:
        b = b - b.mean()
    return {
        "c": c,
        "class_weight": class_weight or "none",
        "objective": objective(z, y, per_class[y], w, b, c),
        "weights": w.tolist(),
        "intercept": b.tolist(),
        "probabilities": model.predict_proba(z[:SHOWN]).tolist(),
    }


def write(name, x, y):
    fits = [solve(x, y, c, weight) for c in (0.01, 1.0, 100.0) for weight in (None, "balanced")]
    document = {
        "features": [[float(f"{value:.6g}") for value in row] for row in x],
        "labels": y.tolist(),
        "fits": fits,
    }
    (HERE / name).write_text(json.dumps(document, separators=(",", ":")) + "\n")


write("binary.json", *problem(seed=1, rows=300, width=12, classes=2, spread=2.0))
write("multinomial.json", *problem(seed=2, rows=400, width=8, classes=4, spread=2.0))
