"""scikit-learn's multinomial logistic regression on the word vectors that larder cached, scored by seqeval.

What a Python user would do with the same features, and therefore what `larder run data/wnut17.toml` is measured by. Reads
the Parquet features of a data set's splits; needs pyarrow, scikit-learn and seqeval (`just peer-wnut17` installs them).
"""

import argparse
import pathlib
import time

import numpy
import pyarrow.parquet
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn.linear_model import LogisticRegression


def split(folder, name, columns):
    table = pyarrow.parquet.read_table(folder / f"{name}.parquet", columns=["position", "tag", *columns])
    parts = [table[column].combine_chunks() for column in columns]
    vectors = numpy.concatenate([part.flatten().to_numpy().reshape(len(part), -1) for part in parts], axis=1)
    starts = numpy.flatnonzero(table["position"].to_numpy() == 0)
    return vectors, table["tag"].to_pylist(), starts


def sentences(tags, starts):
    ends = [*starts[1:], len(tags)]
    return [list(tags[start:end]) for start, end in zip(starts, ends)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=pathlib.Path, help="folder with train.parquet, dev.parquet and test.parquet")
    parser.add_argument("--columns", default="embedding", help="vector columns, separated by commas")
    parser.add_argument("--c", type=float, default=0.1, help="inverse strength of the penalty")
    options = parser.parse_args()
    columns = options.columns.split(",")
    vectors, tags, _ = split(options.features, "train", columns)
    started = time.perf_counter()
    model = LogisticRegression(C=options.c, max_iter=1000).fit(vectors, tags)
    print(f"scikit-learn, {options.columns}, C = {options.c:g}: fit {time.perf_counter() - started:.1f} s")
    for name in ["dev", "test"]:
        vectors, tags, starts = split(options.features, name, columns)
        gold, answers = sentences(tags, starts), sentences(model.predict(vectors).tolist(), starts)
        strict = f1_score(gold, answers, mode="strict", scheme=IOB2)
        print(f"{name}: strict F1 {strict:.3f}, conlleval F1 {f1_score(gold, answers):.3f}")


if __name__ == "__main__":
    main()
