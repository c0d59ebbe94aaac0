"""Heads on a few rows a class: `just bench-shots`.

Ten draws of 1 to 64 rows a class of two data sets: the intents of the repository, and emotions: the rows of GoEmotions
(`LARDER_DATA`) that have exactly one label, of the 14 labels with most of them but `neutral`, at most 400 of each to draw from and 84 of
each to judge on. The encoder is MiniLM, its vectors the means of the tokens; heads read the last layer alone, and all of them.
Standard library only.
"""

import argparse
import collections
import csv
import os
import pathlib
import subprocess

LABELS, TRAIN_ROWS, DEV_ROWS = 14, 400, 84


def emotions(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The data set of emotions, made of the first rows of each label."""
    names = (source / "labels.txt").read_text(encoding="utf-8").split()
    kept: list[str] = []
    for split, most in [("train", TRAIN_ROWS), ("dev", DEV_ROWS)]:
        with open(source / f"{split}.tsv", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["label"].isdigit()]
        rows = [row for row in rows if names[int(row["label"])] != "neutral"]
        kept = kept or [label for label, _ in collections.Counter(row["label"] for row in rows).most_common(LABELS)]
        seen: collections.Counter = collections.Counter()
        with open(folder / f"emotions_{split}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            for row in rows:
                if row["label"] in kept and seen[row["label"]] < most:
                    seen[row["label"]] += 1
                    writer.writerow([row["text"], names[int(row["label"])]])
    description = folder / "emotions.toml"
    description.write_text(
        'name = "emotions"\ntask = "sequence"\nformat = "csv"\n[columns]\ntext = "text"\nlabel = "label"\n[splits]\n'
        'train = "emotions_train.csv"\ndev = "emotions_dev.csv"\n',
        encoding="utf-8",
    )
    return description


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--larder", required=True)
    parser.add_argument("--source", required=True, help="the encoder's folder")
    parser.add_argument("--shots", default="1,2,4,8,16,64")
    parser.add_argument("--seeds", default="0..9")
    arguments = parser.parse_args()
    folder = pathlib.Path("artifacts/bench/shots")
    folder.mkdir(parents=True, exist_ok=True)
    larder = [arguments.larder, "--quiet", "--home", str(folder / "home")]
    subprocess.run([*larder, "encoder", "add", arguments.source, "--name", "minilm", "--replace"], check=True)
    datasets = [pathlib.Path("data/intents/intents.toml")]
    goemotions = pathlib.Path(os.environ.get("LARDER_DATA", "")) / "goemotions"
    if goemotions.is_dir() and "LARDER_DATA" in os.environ:
        datasets.append(emotions(goemotions, folder))
    else:
        print("LARDER_DATA has no goemotions: intents alone")
    for dataset in datasets:
        for layers in ("-1", "all"):
            print(f"\n{dataset.stem}, layers {layers}", flush=True)
            drawn = ["--shots", arguments.shots, "--seeds", arguments.seeds, "--heads", "logistic,prototype,labels,knn"]
            subprocess.run([*larder, "run", str(dataset), "-e", "minilm", "--layers", layers, *drawn], check=True)


if __name__ == "__main__":
    main()
