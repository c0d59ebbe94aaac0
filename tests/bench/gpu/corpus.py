"""The encoder with random weights, and texts of chosen lengths for it: words of which each is one token. Standard library only."""

import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from generated import CONFIG, SEED, tokenizer, vocabulary  # noqa: E402

SIZES = {
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "tiny": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
}
VOCABULARY_SIZE = 30522
POSITIONS = 512
# [CLS] and [SEP].
SPECIAL_TOKENS = 2
PARAGRAPH_TOKENS = (16, 256)
# CoLA's training sentences by their length in tokens (a word or a mark is about one), of a thousand.
COLA_LENGTHS = {
    4: 1, 5: 19, 6: 41, 7: 86, 8: 123, 9: 144, 10: 135, 11: 105, 12: 86, 13: 63, 14: 45, 15: 36, 16: 25, 17: 21, 18: 14,
    19: 13, 20: 11, 21: 7, 22: 7, 23: 7, 24: 4, 25: 3, 26: 2, 27: 1, 28: 1, 29: 1,
}


class Corpus:
    """Writes the encoder's description and the sets into a folder."""

    def __init__(self, folder: pathlib.Path, size: str):
        self.folder, self.random = folder, random.Random(SEED)
        self.words = vocabulary(self.random, VOCABULARY_SIZE)
        self.lengths = {}
        self.config, self.tokenizer = folder / "config.json", folder / "words.json"
        shape = SIZES[size] | {"vocab_size": VOCABULARY_SIZE, "max_position_embeddings": POSITIONS}
        self.config.write_text(json.dumps(CONFIG | shape), encoding="utf-8")
        self.tokenizer.write_text(json.dumps(tokenizer(self.words)), encoding="utf-8")

    def texts(self, lengths):
        return [" ".join(self.random.choices(self.words, k=length - SPECIAL_TOKENS)) for length in lengths]

    def write(self, name, lengths, dev_rows):
        """A set of texts with one of two labels, of those lengths in tokens; its description."""
        self.lengths[name] = lengths
        dev = self.random.choices(lengths, k=dev_rows)
        for split, of in (("train", lengths), ("dev", dev)):
            with open(self.folder / f"{name}-{split}.tsv", "w", encoding="utf-8") as file:
                for row, text in enumerate(self.texts(of)):
                    file.write(f"{row % 2}\t{text}\n")
        description = self.folder / f"{name}.toml"
        description.write_text(
            f'name = "{name}"\ntask = "sequence"\nformat = "tsv"\nheader = false\nquoting = false\n'
            f'[columns]\nlabel = 0\ntext = 1\n[splits]\ntrain = "{name}-train.tsv"\ndev = "{name}-dev.tsv"\n',
            encoding="utf-8",
        )
        return description

    def sentences(self, name, rows, dev_rows=64):
        lengths = self.random.choices(list(COLA_LENGTHS), weights=COLA_LENGTHS.values(), k=rows)
        return self.write(name, lengths, dev_rows)

    def paragraphs(self, name, rows, dev_rows=64):
        return self.write(name, [self.random.randint(*PARAGRAPH_TOKENS) for _ in range(rows)], dev_rows)

    def alike(self, name, rows, tokens):
        return self.write(name, [tokens] * rows, 16)

    def save_lengths(self, names):
        """For PyTorch, which makes ids of those lengths itself."""
        path = self.folder / "lengths.json"
        path.write_text(json.dumps({name: self.lengths[name] for name in names}), encoding="utf-8")
        return path
