"""Makes the golden of vector statistics: what numpy says of 600 vectors of dimension 24, beside this file as `expected.json`.

Run by hand, in a virtual environment, when the golden must change:

    python -m venv venv
    venv/bin/pip install numpy==2.4.6
    venv/bin/python tests/goldens/inspect/recipe.py

The vectors are no file: the test makes the same numbers from the same formula, which is exact in float64. Number `i = row * 24 +
dimension` is `share(i) * scale + 0.3`, where `share` is the upper 24 bits of SplitMix64 of `i` over 2**24, less a half, and
`scale` is `4 / (1 + dimension)`; then, as the rows say below, some dimensions and rows are replaced. All is rounded to float32.
Every statistic is computed by its definition: cosines of all pairs from the whole matrix, the covariance by `numpy.cov`.
"""

import json
import pathlib
import sys

import numpy

HERE = pathlib.Path(__file__).resolve().parent
PINNED = "2.4.6"
ROWS, DIMENSION = 600, 24
CONSTANT, DEAD = 5, 6
COPIES = {100: 7, 101: 7, 350: 8}
NAN, INFINITE = 13, 17
OUTLIER = 222
ASKED = 42
SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]


def splitmix64(n: int) -> int:
    mask = 2**64 - 1
    z = (n + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def vectors() -> numpy.ndarray:
    values = numpy.empty((ROWS, DIMENSION))
    for row in range(ROWS):
        for dimension in range(DIMENSION):
            share = (splitmix64(row * DIMENSION + dimension) >> 40) / 2**24 - 0.5
            values[row, dimension] = share * 4 / (1 + dimension) + 0.3
    values[OUTLIER, :3] = 9.0
    values[:, CONSTANT] = 0.25
    values[:, DEAD] = 0.0
    for row, original in COPIES.items():
        values[row] = values[original]
    values[NAN, 2] = numpy.nan
    values[INFINITE, 3] = numpy.inf
    return values.astype(numpy.float32).astype(numpy.float64)


def main() -> None:
    assert numpy.__version__ == PINNED, f"numpy {PINNED} is needed, this is {numpy.__version__}"
    values = vectors()
    rows = numpy.flatnonzero(numpy.isfinite(values).all(axis=1))
    finite = values[rows]
    norms = numpy.linalg.norm(finite, axis=1)
    mean = finite.mean(axis=0)

    units = finite / norms[:, None]
    cosines = units @ units.T
    pairs = cosines[~numpy.eye(len(rows), dtype=bool)]

    eigenvalues, eigenvectors = numpy.linalg.eigh(numpy.cov(finite, rowvar=False, bias=True))
    eigenvalues, eigenvectors = eigenvalues[::-1].clip(0), eigenvectors[:, ::-1]
    shares = eigenvalues / eigenvalues.sum()
    used = shares[shares > 0]
    components = int(numpy.searchsorted(numpy.cumsum(shares), 0.9)) + 1
    places = (finite - mean) @ eigenvectors[:, :components] / numpy.sqrt(eigenvalues[:components])
    distances = numpy.linalg.norm(places, axis=1)
    furthest = numpy.argsort(-distances, kind="stable")[:5]

    asked = int(numpy.flatnonzero(rows == ASKED)[0])
    cosines[asked, asked] = -2
    nearest = numpy.argsort(-cosines[asked], kind="stable")[:5]

    def expected(order, scores):
        return [[int(rows[at]), float(scores[at])] for at in order]

    golden = {
        "norms": {"min": norms.min(), "mean": norms.mean(), "max": norms.max()},
        "norm_quantiles": numpy.quantile(norms, SHARES).tolist(),
        "norm_of_mean": numpy.linalg.norm(mean),
        "mean_cosine": pairs.mean(),
        "effective_rank": numpy.exp(-(used * numpy.log(used)).sum()),
        "variance": eigenvalues.sum(),
        "leading_shares": shares[:10].tolist(),
        "components_for_90_percent": components,
        "outliers": expected(furthest, distances),
        "nearest": expected(nearest, cosines[asked]),
    }
    (HERE / "expected.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
