"""SetFit on as few rows a class as `just bench-shots` gives larder's heads: `just peer-shots` (needs torch, sentence-transformers, setfit).

The encoder is the same MiniLM; 20 iterations of pairs, one epoch, batches of 16, as SetFit has them; a logistic head. One line a draw and a
mean: accuracy on dev, wall seconds of training. Data sets are folders' CSV files with a column of texts and one of labels.
"""

import argparse
import csv
import pathlib
import random
import statistics
import time

from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments


def rows(path: pathlib.Path, text: str, label: str) -> list[tuple[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return [(row[text], row[label]) for row in csv.DictReader(file)]


def drawn(train: list[tuple[str, str]], shots: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    found = []
    for label in sorted({label for _, label in train}):
        of_label = [row for row in train if row[1] == label]
        rng.shuffle(of_label)
        found += of_label[:shots]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="the encoder's folder")
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--dev", type=pathlib.Path, required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--shots", default="8,16,64")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    train, dev = (rows(path, arguments.text, arguments.label) for path in (arguments.train, arguments.dev))
    for shots in map(int, arguments.shots.split(",")):
        accuracies, seconds = [], []
        for seed in range(arguments.seeds):
            few = drawn(train, shots, seed)
            model = SetFitModel.from_pretrained(arguments.source, labels=sorted({label for _, label in train}))
            settings = TrainingArguments(
                batch_size=16, num_epochs=1, num_iterations=20, seed=seed, report_to="none", save_strategy="no",
                output_dir="artifacts/bench/setfit",
            )
            data = Dataset.from_dict({"text": [text for text, _ in few], "label": [label for _, label in few]})
            trainer = Trainer(model=model, args=settings, train_dataset=data)
            started = time.perf_counter()
            trainer.train()
            seconds.append(time.perf_counter() - started)
            answers = model.predict([text for text, _ in dev])
            right = sum(str(answer) == label for answer, (_, label) in zip(answers, dev))
            accuracies.append(right / len(dev))
            print(f"{shots} rows a class, seed {seed}: accuracy {accuracies[-1]:.3f}, {seconds[-1]:.0f} s", flush=True)
        deviation = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        print(f"{shots} rows a class: {statistics.mean(accuracies):.3f} ± {deviation:.3f}, {statistics.mean(seconds):.0f} s", flush=True)


if __name__ == "__main__":
    main()
