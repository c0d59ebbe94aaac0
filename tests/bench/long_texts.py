"""Makes a data set of long texts: documents of 64 comments of GoEmotions in random order, 8 of them of the document's emotion.

python tests/bench/long_texts.py FOLDER
larder run FOLDER/documents.toml -e all-MiniLM-L6-v2
larder run FOLDER/documents.toml -e all-MiniLM-L6-v2 --long windows
"""

import os
import random
import sys

KEPT = ["anger", "joy", "sadness", "curiosity", "gratitude", "love", "amusement", "disapproval"]
COMMENTS, OWN = 64, 8
DESCRIPTION = """name = "documents"
task = "sequence"
format = "tsv"
header = true
quoting = false
[columns]
text = "text"
label = "label"
[splits]
train = "train.tsv"
dev = "dev.tsv"
"""


def documents(source: str, count: int, seed: int, target: str) -> None:
    with open(os.path.join(os.path.dirname(source), "labels.txt")) as file:
        names = file.read().split()
    comments, of = [], {name: [] for name in KEPT}
    with open(source, encoding="utf-8") as file:
        for line in list(file)[1:]:
            text, labels = line.rstrip("\n").split("\t")[:2]
            comments.append(text)
            if "," not in labels and names[int(labels)] in of:
                of[names[int(labels)]].append(text)
    draw = random.Random(seed)
    with open(target, "w", encoding="utf-8") as out:
        out.write("text\tlabel\n")
        for at in range(count):
            label = KEPT[at % len(KEPT)]
            drawn = [draw.choice(of[label]) for _ in range(OWN)]
            drawn += [draw.choice(comments) for _ in range(COMMENTS - OWN)]
            draw.shuffle(drawn)
            out.write(" ".join(text.replace('"', "'") for text in drawn) + f"\t{label}\n")


def main() -> None:
    folder, data = sys.argv[1], os.path.join(os.environ["LARDER_DATA"], "goemotions")
    os.makedirs(folder, exist_ok=True)
    for seed, split, count in [(1, "train", 480), (2, "dev", 240)]:
        documents(os.path.join(data, f"{split}.tsv"), count, seed, os.path.join(folder, f"{split}.tsv"))
    with open(os.path.join(folder, "documents.toml"), "w") as out:
        out.write(DESCRIPTION)


main()
