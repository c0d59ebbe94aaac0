"""Conformal sets and intervals of MAPIE on given probabilities and numbers: writes conformal.json beside this file.

Made with MAPIE 1.6.0, scikit-learn 1.9.1, scipy and numpy; run: python recipe_conformal.py (seconds)
MAPIE's APS draws a number for each calibration row; larder draws none, which is that number being 1 everywhere.
"""

import json
from pathlib import Path

import mapie
import numpy as np
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from scipy.stats import betabinom
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

assert mapie.__version__ == "1.6.0", mapie.__version__
rng = np.random.default_rng(20271)


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose inputs are its probabilities."""

    def __init__(self, classes=2):
        self.classes = classes
        self.classes_ = np.arange(classes)
        self.n_features_in_ = classes

    def fit(self, inputs, labels=None):
        return self

    def predict_proba(self, inputs):
        return np.asarray(inputs)

    def predict(self, inputs):
        return np.asarray(inputs).argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return True


class GivenNumber(RegressorMixin, BaseEstimator):
    """A regressor whose input is its answer."""

    def fit(self, inputs, targets=None):
        self.n_features_in_ = 1
        return self

    def predict(self, inputs):
        return np.asarray(inputs)[:, 0]

    def __sklearn_is_fitted__(self):
        return True


class Ones(np.random.RandomState):
    """No draw."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.ones(size)


def rows(classes, count, sharpness):
    logits = rng.normal(size=(count, classes)) * sharpness
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities, np.array([rng.choice(classes, p=row) for row in probabilities])


def classification(classes, calibration, sharpness, coverage, score):
    probabilities, labels = rows(classes, calibration, sharpness)
    asked, _ = rows(classes, 60, sharpness)
    mapie_classifier = SplitConformalClassifier(
        Given(classes), confidence_level=coverage, conformity_score=score, prefit=True, random_state=Ones(0)
    )
    mapie_classifier.conformalize(probabilities, labels)
    options = {"include_last_label": True} if score == "aps" else {}
    _, sets = mapie_classifier.predict_set(asked, conformity_score_params=options)
    return {
        "classes": classes,
        "coverage": coverage,
        "score": score,
        "calibration": probabilities.ravel().tolist(),
        "labels": labels.tolist(),
        "asked": asked.ravel().tolist(),
        "sets": [np.flatnonzero(row).tolist() for row in sets[:, :, 0]],
    }


def regression(calibration, coverage):
    answers = rng.normal(size=calibration)
    targets = answers + rng.standard_t(4, size=calibration)
    asked = rng.normal(size=40)
    mapie_regressor = SplitConformalRegressor(GivenNumber().fit(None), confidence_level=coverage, prefit=True)
    mapie_regressor.conformalize(answers[:, None], targets)
    _, intervals = mapie_regressor.predict_interval(asked[:, None])
    return {
        "coverage": coverage,
        "answers": answers.tolist(),
        "targets": targets.tolist(),
        "asked": asked.tolist(),
        "low": intervals[:, 0, 0].tolist(),
        "high": intervals[:, 1, 0].tolist(),
    }


def expected(rank, calibration, count):
    low, high = betabinom(count, rank, calibration + 1 - rank).ppf([0.025, 0.975])
    return {"rank": rank, "calibration": calibration, "rows": count, "low": int(low), "high": int(high)}


goldens = {
    "classification": [
        classification(classes, calibration, sharpness, coverage, score)
        for score in ["lac", "aps"]
        for classes, calibration, sharpness, coverage in [(2 if score == "lac" else 3, 40, 1.0, 0.9), (5, 99, 2.0, 0.8), (12, 60, 1.5, 0.95)]
    ],
    "regression": [regression(30, 0.9), regression(75, 0.8)],
    "expected": [expected(90, 99, 100), expected(451, 500, 2000), expected(3, 3, 7), expected(1900, 2000, 516)],
}
Path(__file__).with_name("conformal.json").write_text(json.dumps(goldens) + "\n")
