"""Does an exported folder answer in Python as its run does in larder?

    larder predict RUN --json < texts > answers.jsonl        # a tagging run: --input-format words, or jsonl, or conll
    larder export RUN -o DIR
    python check.py DIR answers.jsonl

The Python in the folder's own README.md answers what `larder predict` answered: texts in padded batches, in the order given,
or one at a time where `config.json` says so; sentences of words one at a time. One JSON document goes to standard output:
rows, the largest difference of a probability, and how many answers are others. The exit code is 1 if a probability differs
by more than 1e-5 or an answer is another; a tagger's answers are its tags, and numbers are compared in their standard deviations. Sentences of more tokens than the encoder reads
at once, which larder reads in windows, are counted and left out.

Where transformers is installed, AutoConfig and AutoTokenizer must load the folder and give its labels and the same token ids.
Where optimum is, its ORTModelForSequenceClassification or ORTModelForTokenClassification must give the logits that
onnxruntime gives. `just test-export` makes an environment with the first and runs this on the quick start's runs.
"""

import argparse
import importlib.util
import json
import pathlib
import sys

import numpy

ALLOWED, BATCH_ROWS = 1e-5, 32


def snippet_of(folder):
    """The functions that the folder's README.md defines."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    code = card.split("```python\n")[1].split("```")[0]
    lines = [line for line in code.splitlines() if not line.startswith(("folder =", "print("))]
    names = {"folder": str(folder)}
    exec("\n".join(lines), names)
    return names


def batches_of(texts, batching):
    step = BATCH_ROWS if batching == "padded" else 1
    return [texts[start : start + step] for start in range(0, len(texts), step)]


def check_texts(answer, config, rows):
    """Largest difference of a probability, and answers that are others."""
    labels = [config["id2label"][str(label)] for label in range(len(config["id2label"]))]
    pair = config["larder"]["pair"]
    texts = [tuple(row["text"].split("\t", 1)) if pair else row["text"] for row in rows]
    found = [one for batch in batches_of(texts, config["larder"]["batching"]) for one in answer(batch)]
    if config.get("problem_type") == "regression":
        expected = numpy.array([row["prediction"] for row in rows])
        # In deviations of the answers, whatever their unit.
        differences = numpy.abs(numpy.array(found) - expected) / expected.std()
        return {"rows": len(rows), "largest_difference": float(differences.max()), "others": 0}
    several = config.get("problem_type") == "multi_label_classification"
    expected = numpy.array([[row["probabilities"][label] for label in labels] for row in rows])
    differences = numpy.abs(numpy.array([probabilities for _, probabilities in found]) - expected)
    others = sum(answered != row["labels" if several else "label"] for (answered, _), row in zip(found, rows))
    return {"rows": len(rows), "largest_difference": float(differences.max()), "others": others}


def check_words(answer, rows):
    result = {"rows": 0, "words": 0, "entities": 0, "others": 0, "too_long": 0, "largest_difference": 0.0}
    for row in rows:
        if not row["words"]:
            continue
        try:
            tags = answer(row["words"])
        except ValueError as problem:
            if "more tokens" not in str(problem):
                raise
            result["too_long"] += 1
            continue
        result["rows"] += 1
        result["words"] += len(tags)
        result["entities"] += sum(tag.startswith("B-") for tag in tags)
        result["others"] += sum(found != expected for found, expected in zip(tags, row["tags"], strict=True))
    return result


def check_transformers(folder, config, rows, names):
    if importlib.util.find_spec("transformers") is None:
        return None
    import transformers

    loaded = transformers.AutoConfig.from_pretrained(folder)
    assert loaded.id2label == {int(label): name for label, name in config["id2label"].items()}, loaded.id2label
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    limit = config["larder"]["max_tokens"]
    assert tokenizer.model_max_length == limit, tokenizer.model_max_length
    words = "scheme" in config["larder"]
    texts = [row["words"] if words else row["text"] for row in rows[:BATCH_ROWS]]
    if not words and config["larder"]["pair"]:
        texts = [tuple(text.split("\t", 1)) for text in texts]
    if not words and config["larder"].get("pair_features"):
        texts = [text for pair in texts for text in pair]
    given = tokenizer(texts, padding=True, truncation=True, is_split_into_words=words, return_tensors="np")
    own = names["tokenizer"].encode_batch(texts, is_pretokenized=words)
    for row, (ids, mask) in enumerate(zip(given["input_ids"], given["attention_mask"])):
        expected = [token for token, there in zip(own[row].ids, own[row].attention_mask) if there]
        # Sentences of words are cut by the one and never by the other.
        assert len(expected) > limit or list(ids[mask == 1]) == expected, texts[row]
    assert set(given) == set(config["larder"]["inputs"]), set(given)
    return {"version": transformers.__version__, "config": type(loaded).__name__, "tokenizer": type(tokenizer).__name__} | (
        check_optimum(folder, given, names, words) or {}
    )


def check_optimum(folder, given, names, words):
    try:
        from optimum import onnxruntime as optimum
    except ImportError:
        return None
    kind = optimum.ORTModelForTokenClassification if words else optimum.ORTModelForSequenceClassification
    model = kind.from_pretrained(folder, file_name="model.onnx")
    found = numpy.asarray(model(**given).logits)
    feed = {name: numpy.asarray(given[name], numpy.int64) for name in given}
    (expected,) = names["session"].run(["logits"], feed)
    difference = float(numpy.abs(found - expected).max())
    assert difference <= ALLOWED, difference
    return {"optimum": kind.__name__, "optimum_difference": difference}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("predictions", type=pathlib.Path)
    args = parser.parse_args()
    config = json.loads((args.folder / "config.json").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in args.predictions.read_text(encoding="utf-8").split("\n") if line]
    if not rows:
        sys.exit(f"{args.predictions} has no answers")
    names = snippet_of(args.folder)
    words = "scheme" in config["larder"]
    result = check_words(names["answer"], rows) if words else check_texts(names["answer"], config, rows)
    result["transformers"] = check_transformers(args.folder, config, rows, names)
    print(json.dumps(result, indent=2))
    if result["others"] or not result["largest_difference"] <= ALLOWED:
        sys.exit(1)


if __name__ == "__main__":
    main()
