"""larder's heads and scikit-learn's on the same vectors and strengths: `just bench-heads`.

larder trains as it always does: columns, strengths, class weights and threshold chosen on held-out rows, and a fit on all rows.
scikit-learn then does the same fits: the strengths that larder tried, under the class weights that it tried, on as many folds (of label
sets, one fifth held out where larder does so), and the fit on all rows; its solver stops at its own tolerance. The peer `cv` is what its
documentation shows for the purpose: `LogisticRegressionCV` on scaled vectors with the same strengths and folds, and BLAS's own threads. Of larder the whole command
counts, with reading, learning curve and diagnosis; of scikit-learn the fits and the ranking of held-out rows alone. Each round runs
one after the other, on as many cores as asked for. Prints medians of seconds on the wall and of the processor, and their ratios. Needs
numpy, pyarrow and scikit-learn (`just bench-heads` installs them), CoLA and GoEmotions.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time


def pinned(cores):
    """Runs on the first so many of the cores that this process may use."""
    available = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, available[:cores])


def vectors_of(path, columns):
    import numpy
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=columns)
    parts = [table[column].combine_chunks() for column in columns]
    return numpy.concatenate([part.flatten().to_numpy().reshape(len(part), -1) for part in parts], axis=1)


def labels_of(path):
    """Class indices `[rows]`, or one column a label `[rows, labels]`."""
    import numpy
    import pyarrow.parquet
    from sklearn.preprocessing import MultiLabelBinarizer

    names = pyarrow.parquet.read_schema(path).names
    name = "labels" if "labels" in names else "label"
    values = pyarrow.parquet.read_table(path, columns=[name])[name].to_pylist()
    if name == "labels":
        return MultiLabelBinarizer().fit_transform(values)
    return numpy.unique(values, return_inverse=True)[1]


def peer(job):
    """scikit-learn's side of one round, in a process of its own."""
    import numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    if job["solver"] == "cv":
        return documented(job)
    labels = labels_of(job["features"])
    matrices = {tuple(columns): vectors_of(job["features"], columns) for columns, *_ in job["entries"]}
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()

    def fit(c, class_weight, vectors, gold, warm=None):
        model = LogisticRegression(
            C=c, class_weight=class_weight, max_iter=1000, solver=job["solver"], warm_start=warm is not None
        )
        if warm is not None:
            model.coef_, model.intercept_ = warm
        return model.fit(vectors, gold)

    def path_of(vectors, gold, fitted, held_out, class_weight, strengths):
        """The fits of one problem along the strengths, each starting where the one before ended, as LogisticRegressionCV's."""
        scaler = StandardScaler().fit(vectors[fitted])
        inside, outside = scaler.transform(vectors[fitted]), scaler.transform(vectors[held_out])
        columns = gold.T if gold.ndim == 2 else [gold]
        for column in columns:
            warm = None
            for c in strengths:
                model = fit(c, class_weight, inside, column[fitted], warm)
                warm = (model.coef_, model.intercept_)
                roc_auc_score(column[held_out], model.decision_function(outside))

    def together(work):
        from joblib import Parallel, delayed

        Parallel(n_jobs=job["cores"], prefer="threads")(delayed(path_of)(*arguments) for arguments in work)

    work = []
    paths = {}
    for columns, class_weight, c in job["entries"]:
        paths.setdefault((tuple(columns), class_weight), []).append(c)
    for (columns, class_weight), strengths in paths.items():
        vectors = matrices[columns]
        splitter = KFold(5, shuffle=True, random_state=0) if labels.ndim == 2 else StratifiedKFold(5)
        splits = list(splitter.split(vectors, labels))[: job["folds"]]
        weight = None if class_weight == "none" else class_weight
        work += [(vectors, labels, fitted, held_out, weight, sorted(strengths)) for fitted, held_out in splits]
    together(work)
    columns, class_weight, c = job["chosen"]
    everything = numpy.arange(len(labels))
    weight = None if class_weight == "none" else class_weight
    path_of(matrices[tuple(columns)], labels, everything, everything, weight, [c])

    print_seconds(before, start)


def documented(job):
    """`LogisticRegressionCV` for each set of columns and class weights, of label sets for each label."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import StandardScaler

    labels = labels_of(job["features"])
    problems = {}
    for columns, class_weight, c in job["entries"]:
        problems.setdefault((tuple(columns), class_weight), set()).add(c)
    matrices = {columns: vectors_of(job["features"], list(columns)) for columns, _ in problems}
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for (columns, class_weight), strengths in problems.items():
        weight = None if class_weight == "none" else class_weight
        model = LogisticRegressionCV(Cs=sorted(strengths), cv=max(job["folds"], 2), class_weight=weight, max_iter=1000)
        model = OneVsRestClassifier(model) if labels.ndim == 2 else model
        model.fit(StandardScaler().fit_transform(matrices[columns]), labels)
    print_seconds(before, start)


def print_seconds(before, start):
    """Seconds on the wall and of the processor since then, as JSON."""
    after, end = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": end - start, "processor": processor}))


def timed(command, cores, environment):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        command, env=environment, preexec_fn=pinned(cores), check=True, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result.stdout, {"wall": wall, "processor": processor}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", help="the binary")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--home", type=pathlib.Path, default=pathlib.Path("artifacts"), help="the home with the cache")
    parser.add_argument("--datasets", default="data/cola.toml,data/goemotions.toml")
    parser.add_argument("--layers", default="-1", help="a list or `all`, as larder takes them")
    parser.add_argument("--cores", default="1,2", help="numbers of cores, separated by commas")
    parser.add_argument("--solvers", default="lbfgs,newton-cholesky,cv", help="of scikit-learn; none to time larder alone")
    parser.add_argument("--folds", help="as larder takes them; larder's own default unless given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(json.loads(options.peer))

    for dataset in options.datasets.split(","):
        for cores in map(int, options.cores.split(",")):
            compare(options, dataset, cores)


def compare(options, dataset, cores):
    # scikit-learn's fits run side by side, each on one thread: on more, the threads of its products wait for each other.
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **one, "RAYON_NUM_THREADS": str(cores), "LARDER_HOME": str(options.home)}
    run = f"bench-heads-{cores}"
    encoded = [options.larder, "encode", dataset, "-e", options.encoder, f"--layers={options.layers}", "--json"]
    subprocess.run(encoded, env=environment, check=True, capture_output=True)
    train = [options.larder, "train", dataset, "-e", options.encoder, f"--layers={options.layers}"]
    train += ["--run", run, "--force", "--json", *(["--folds", options.folds] if options.folds else [])]
    times = {}
    for _ in range(options.rounds):
        _, seconds = timed(train, cores, environment)
        times.setdefault("larder", []).append(seconds)
        record = json.loads((options.home / "runs" / run / "run.json").read_text(encoding="utf-8"))
        job = job_of(record, options, cores)
        for solver in filter(None, options.solvers.split(",")):
            command = [sys.executable, "-B", __file__, "--peer", json.dumps({**job, "solver": solver})]
            found, _ = timed(command, cores, os.environ if solver == "cv" else environment)
            times.setdefault(f"scikit-learn {solver}", []).append(json.loads(found))
    tried = len(job["entries"])
    print(f"{dataset}, {cores} core(s): {tried} fits along strengths in {job['folds']} fold(s), and the fit on all rows")
    for kind in ("wall", "processor"):
        own = statistics.median(seconds[kind] for seconds in times["larder"])
        for name, seconds in times.items():
            values = [of_round[kind] for of_round in seconds]
            ratios = [theirs[kind] / ours[kind] for theirs, ours in zip(seconds, times["larder"])]
            print(
                f"  {name:<30} {kind:<9} {statistics.median(values):8.2f} s ({min(values):.2f} to {max(values):.2f})"
                f"   {statistics.median(values) / own:6.1f} times larder's ({min(ratios):.1f} to {max(ratios):.1f})",
                flush=True,
            )


def job_of(record, options, cores):
    selection = record["head"]["selection"]
    folder = options.home / "features" / record["dataset"] / options.encoder
    features = next(folder.glob("sentence-f32*/train.parquet"))
    entries = [(entry["columns"], entry["class_weight"], entry["c"]) for entry in selection["entries"]]
    chosen = entries[selection["chosen"]]
    return {
        "features": str(features),
        "entries": entries,
        "chosen": chosen,
        "folds": selection["folds"],
        "cores": cores,
    }


if __name__ == "__main__":
    main()
