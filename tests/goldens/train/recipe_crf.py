"""Makes crf.json: a linear-chain conditional random field as SciPy solves it, in float64.

    pip install torch==2.15.0 scipy==1.17.1 numpy && python recipe_crf.py

Features and legal IOB2 sequences of two types are drawn from a fixed seed; every class that may start a sentence starts
one, so that the free start scores have a finite optimum. The sum over sequences is written out as the forward recursion
over log-sum-exps with illegal transitions at minus infinity, differentiated by PyTorch, and minimised by SciPy's
L-BFGS-B to a gradient of 1e-7. Stored are the objective (sum over sentences of -log P, plus (|W|^2 + |T|^2) / 2C, biases
and start scores free), and for the first sentences the probability of each class at each word.
"""

import json
import pathlib

import numpy as np
import torch
from scipy.optimize import minimize

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
TAGS = ["O", "B-x", "I-x", "B-y", "I-y"]
CLASSES, WIDTH, SENTENCES, SHOWN = 5, 6, 60, 6

legal = torch.zeros(CLASSES, CLASSES, dtype=torch.bool)
for previous, a in enumerate(TAGS):
    for following, b in enumerate(TAGS):
        legal[previous, following] = not b.startswith("I-") or a[1:] == b[1:]
may_start = torch.tensor([not tag.startswith("I-") for tag in TAGS])
MINUS_INFINITY = torch.tensor(float("-inf"))


def problem(seed):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(CLASSES, WIDTH))
    follow = np.array([[0.6, 0.2, 0, 0.2, 0], [0.3, 0.1, 0.5, 0.1, 0], [0.5, 0.1, 0.3, 0.1, 0],
                       [0.5, 0.1, 0, 0.1, 0.3], [0.4, 0.2, 0, 0.1, 0.3]])
    sentences, rows = [], []
    for number in range(SENTENCES):
        previous, classes = 0, []
        for word in range(1 + number % 9):
            previous = [0, 1, 3][number % 3] if word == 0 else int(random.choice(CLASSES, p=follow[previous]))
            classes.append(previous)
            rows.append(centres[previous] * 0.7 + random.normal(size=WIDTH))
        sentences.append(classes)
    x = np.array(rows) * np.logspace(-1, 1, WIDTH) + np.linspace(-5, 20, WIDTH)
    # What is stored is what is solved: float32 with six digits.
    x = np.array([[float(f"{value:.6g}") for value in row] for row in x]).astype(np.float32)
    return x, sentences


def unpack(point):
    weights, transitions, bias, start = torch.split(
        point, [CLASSES * WIDTH, CLASSES * CLASSES, CLASSES, CLASSES])
    return weights.reshape(CLASSES, WIDTH), transitions.reshape(CLASSES, CLASSES), bias, start


def log_sum(emissions, transitions, start):
    transitions = torch.where(legal, transitions, MINUS_INFINITY)
    alpha = torch.where(may_start, start, MINUS_INFINITY) + emissions[0]
    for row in emissions[1:]:
        # A class that nothing reaches: a finite stand-in keeps the derivative of the log-sum-exp defined.
        terms = alpha[:, None] + transitions
        largest = terms.max(0).values.clamp(min=-1e6)
        alpha = (terms - largest).exp().sum(0).clamp(min=1e-300).log() + largest + row
    return torch.logsumexp(alpha, 0)


def objective(point, z, sentences, c):
    weights, transitions, bias, start = unpack(point)
    emissions = z @ weights.T + bias
    total, first = (weights.square().sum() + transitions.square().sum()) / (2 * c), 0
    for classes in sentences:
        rows = emissions[first : first + len(classes)]
        score = start[classes[0]] + rows[range(len(classes)), classes].sum()
        score = score + sum(transitions[a, b] for a, b in zip(classes, classes[1:]))
        total = total + log_sum(rows, transitions, start) - score
        first += len(classes)
    return total


def solve(z, sentences, c):
    def evaluate(values):
        point = torch.tensor(values, requires_grad=True)
        cost = objective(point, z, sentences, c)
        cost.backward()
        return cost.item(), point.grad.numpy()

    count = CLASSES * WIDTH + CLASSES * CLASSES + 2 * CLASSES
    options = {"maxiter": 5000, "maxfun": 10000, "ftol": 0, "gtol": 1e-7, "maxcor": 50}
    found = minimize(evaluate, np.zeros(count), jac=True, method="L-BFGS-B", options=options)
    slope = np.linalg.norm(evaluate(found.x)[1])
    assert slope < 1e-4, slope
    weights, transitions, bias, start = unpack(torch.tensor(found.x))
    emissions = z @ weights.T + bias
    marginals, first = [], 0
    for classes in sentences[:SHOWN]:
        rows = emissions[first : first + len(classes)].clone().requires_grad_(True)
        log_sum(rows, transitions, start).backward()
        marginals.append(rows.grad.tolist())
        first += len(classes)
    return {"c": c, "objective": float(found.fun), "marginals": marginals}


x, sentences = problem(seed=3)
z = x.astype(np.float64)
z = torch.tensor((z - z.mean(0)) / z.std(0))
document = {
    "types": ["x", "y"],
    "features": [[float(f"{value:.6g}") for value in row] for row in x],
    "sentences": sentences,
    "fits": [solve(z, sentences, c) for c in (0.03, 1.0, 30.0)],
}
(HERE / "crf.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
