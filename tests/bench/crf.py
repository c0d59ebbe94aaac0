"""larder's CRF head and sklearn-crfsuite on the same word vectors and at the same strength: `just bench-crf`.

larder trains as it always does: every strength on held-out sentences, bias of `O`, learning curve, diagnosis, and a fit on all sentences;
the whole command counts. CRFsuite makes one fit on all sentences, at the strength that larder chose, with L-BFGS to its own tolerance
(`--iterations` at most); its fit alone counts. Its penalty is `c2 |w|²` on all weights, larder's `|w|² / (2 C)` on all but the
intercepts; a feature of one large value gives CRFsuite nearly free ones, too. Rounds run one after the other on as many cores as asked for; CRFsuite has one thread. Prints
medians of seconds on the wall, their ratio, and strict F1 of both on every other split. Needs pyarrow, sklearn-crfsuite and seqeval (`just
bench-crf` installs them), and 4 GB of memory: CRFsuite takes features by name.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

from heads import pinned, timed

# The larger a feature's value, the smaller the weight that does its work, and the penalty on it.
FREE = 5.0


def vectors_of(path, columns):
    """Word vectors `[words, dimension]`, tags, and the words that begin a sentence."""
    import numpy
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=["position", "tag", *columns])
    parts = [table[column].combine_chunks() for column in columns]
    vectors = numpy.concatenate([part.flatten().to_numpy().reshape(len(part), -1) for part in parts], axis=1)
    return vectors, table["tag"].to_pylist(), numpy.flatnonzero(table["position"].to_numpy() == 0)


def sentences(path, columns, scaler):
    vectors, tags, starts = vectors_of(path, columns)
    vectors = scaler.transform(vectors)
    names = [str(at) for at in range(vectors.shape[1])]
    words = [{**dict(zip(names, vector)), "intercept": FREE} for vector in vectors.tolist()]
    ends = [*starts[1:], len(tags)]
    return [words[start:end] for start, end in zip(starts, ends)], [tags[start:end] for start, end in zip(starts, ends)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", help="the binary")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--home", type=pathlib.Path, default=pathlib.Path("artifacts"), help="the home with the cache")
    parser.add_argument("--dataset", default="data/wnut17.toml")
    parser.add_argument("--layers", default="-1", help="a list or `all`, as larder takes them")
    parser.add_argument("--cores", type=int, default=2, help="of larder")
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    import sklearn_crfsuite
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2
    from sklearn.preprocessing import StandardScaler

    run = "bench-crf"
    environment = {**os.environ, "RAYON_NUM_THREADS": str(options.cores), "LARDER_HOME": str(options.home)}
    asked = [options.dataset, "-e", options.encoder, f"--layers={options.layers}"]
    command = [options.larder, "run", *asked, "--head", "crf", "--run", run, "--force", "--json"]
    # Encodes what is not in the cache; `--force` of `train` alone keeps features.
    subprocess.run([part for part in command if part != "--force"], env=environment, check=True, capture_output=True)
    train = [options.larder, "train", *asked, "--head", "crf", "--run", run, "--force", "--json"]
    theirs, ours, data = [], [], {}
    for _ in range(options.rounds):
        ours.append(timed(train, options.cores, environment)[1]["wall"])
        record = json.loads((options.home / "runs" / run / "run.json").read_text(encoding="utf-8"))
        selection = record["head"]["selection"]
        chosen = selection["entries"][selection["chosen"]]
        if not data:
            folder = options.home / "features" / record["dataset"] / options.encoder
            folder = next(folder.glob("word-*"))
            scaler = StandardScaler().fit(vectors_of(folder / "train.parquet", chosen["columns"])[0])
            files = sorted(folder.glob("*.parquet"))
            data = {file.stem: sentences(file, chosen["columns"], scaler) for file in files}
        model = sklearn_crfsuite.CRF(
            algorithm="lbfgs",
            c1=0.0,
            c2=1 / (2 * chosen["c"]),
            max_iterations=options.iterations,
            all_possible_transitions=True,
        )
        start = time.perf_counter()
        model.fit(*data["train"])
        theirs.append(time.perf_counter() - start)
    entries = len(selection["entries"])
    steps = model.training_log_.last_iteration["num"] if model.training_log_ else "unknown"
    print(f"{options.dataset}: {len(data['train'][0]):,} sentences, columns {', '.join(chosen['columns'])}, C = {chosen['c']:g}")
    print(f"larder, {options.cores} core(s), {entries} strengths on held-out sentences and a fit: {statistics.median(ours):.2f} s")
    print(f"CRFsuite, one fit ({steps} iterations): {statistics.median(theirs):.2f} s")
    ratios = [peer / own for peer, own in zip(theirs, ours)]
    print(f"CRFsuite's fit takes {statistics.median(ratios):.1f} times larder's whole training ({min(ratios):.1f} to {max(ratios):.1f})")
    scored = subprocess.run(
        [options.larder, "run", *asked, "--head", "crf", "--run", run, "--json"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    own = strict_f1(json.loads(scored.stdout))
    for name, (words, gold) in data.items():
        if name != "train":
            found = f1_score(gold, model.predict(words), mode="strict", scheme=IOB2)
            print(f"{name}: strict F1 {own.get(name, float('nan')):.3f} larder, {found:.3f} CRFsuite")


def strict_f1(outcome):
    """Strict F1 by split, from what `larder run --json` prints."""
    return {split["split"]: split["scores"]["strict"]["micro"]["f1"] for split in outcome["evaluation"]["splits"]}


if __name__ == "__main__":
    main()
