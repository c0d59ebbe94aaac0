"""scikit-learn's one-vs-rest logistic regressions on the vectors that larder cached of GoEmotions, and larder's own head.

What a Python user would do with the same features, and therefore what `larder run data/goemotions.toml` is measured by: features
standardised, the strength chosen by macro F1 on a fifth of train that is held out, the threshold of each label that is best there, and
a fit on all rows. larder's head is trained on the same columns and strengths in a home of its own that shares the cache. Needs pyarrow
and scikit-learn (`just peer-goemotions` installs them).
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import numpy
import pyarrow.parquet
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, label_ranking_average_precision_score, precision_recall_curve
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler


def split(folder, name, columns):
    table = pyarrow.parquet.read_table(folder / f"{name}.parquet", columns=["labels", *columns])
    parts = [table[column].combine_chunks() for column in columns]
    vectors = numpy.concatenate([part.flatten().to_numpy().reshape(len(part), -1) for part in parts], axis=1)
    return vectors, table["labels"].to_pylist()


def own_threshold(gold, probabilities):
    """The threshold of one label with the best F1."""
    precision, recall, thresholds = precision_recall_curve(gold, probabilities)
    f1 = 2 * precision * recall / numpy.maximum(precision + recall, 1e-12)
    best = min(int(numpy.argmax(f1[:-1])), len(thresholds) - 1)
    return thresholds[best]


def classifiers(c, threads):
    return OneVsRestClassifier(LogisticRegression(C=c, max_iter=1000), n_jobs=threads)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--larder", required=True, help="the binary")
    parser.add_argument("--dataset", default="data/goemotions.toml")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--home", type=pathlib.Path, default=pathlib.Path("artifacts"), help="the home with the cache")
    parser.add_argument("--layers", default="all", help="`all` or a list, as larder takes them")
    parser.add_argument("--c", default="3e-4,1e-3,3e-3,1e-2", help="strengths, separated by commas")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    grid = [float(c) for c in options.c.split(",")]
    environment = {**os.environ, "LARDER_HOME": str(options.home)}

    def larder(*arguments):
        command = [options.larder, *arguments, "--json"]
        return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)

    run = ["run", options.dataset, "-e", options.encoder, "--layers", options.layers, "--c", options.c]
    report = larder(*run, "--run", "peer-goemotions", "--force", "--threads", str(options.threads))
    seconds = sum(stage["seconds"] for stage in report["stages"] if stage["stage"] == "train")
    record = json.loads((options.home / "runs" / "peer-goemotions" / "run.json").read_text(encoding="utf-8"))
    tried = record["columns_tried"]
    for of_split in report["evaluation"]["splits"]:
        scores = of_split["scores"]
        print(
            f"larder {of_split['split']}: macro F1 {scores['macro']['f1']:.3f}, micro F1 {scores['micro']['f1']:.3f}, "
            f"LRAP {scores['lrap']:.3f}"
        )
    chosen = len(record["outputs"])
    print(f"larder: chose {chosen} of {len(tried)} columns, each alone and all together tried; {seconds:.1f} s")

    folder = options.home / "features" / record["dataset"] / options.encoder / "sentence-f32"
    vectors, labels = split(folder, "train", tried)
    names = record["labels"]
    place = {name: at for at, name in enumerate(names)}

    def matrix(sets):
        gold = numpy.zeros((len(sets), len(names)), dtype=bool)
        for row, of_row in enumerate(sets):
            gold[row, [place[label] for label in of_row]] = True
        return gold

    gold = matrix(labels)
    started = time.perf_counter()
    fitted, held_out = train_test_split(numpy.arange(len(vectors)), test_size=0.2, random_state=0)
    scaler = StandardScaler().fit(vectors[fitted])
    best = None
    for c in grid:
        model = classifiers(c, options.threads).fit(scaler.transform(vectors[fitted]), gold[fitted])
        probabilities = model.predict_proba(scaler.transform(vectors[held_out]))
        thresholds = [own_threshold(gold[held_out, at], probabilities[:, at]) for at in range(len(names))]
        score = f1_score(gold[held_out], probabilities >= thresholds, average="macro", zero_division=0)
        if best is None or score > best[0]:
            best = (score, c, thresholds)
    _, c, thresholds = best
    scaler = StandardScaler().fit(vectors)
    model = classifiers(c, options.threads).fit(scaler.transform(vectors), gold)
    peer = time.perf_counter() - started
    print(f"scikit-learn, the same columns together: C = {c:g}; {peer:.1f} s, larder took {seconds / peer:.2f} of it")
    for name in ["dev", "test"]:
        vectors, labels = split(folder, name, tried)
        gold = matrix(labels)
        probabilities = model.predict_proba(scaler.transform(vectors))
        answers = probabilities >= thresholds
        macro, micro = (f1_score(gold, answers, average=of, zero_division=0) for of in ["macro", "micro"])
        lrap = label_ranking_average_precision_score(gold, probabilities)
        print(f"scikit-learn {name}: macro F1 {macro:.3f}, micro F1 {micro:.3f}, LRAP {lrap:.3f}")


if __name__ == "__main__":
    main()
