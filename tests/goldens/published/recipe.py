"""Makes the goldens of publishers' vectors: what sentence-transformers gives for folders with every kind of module.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install sentence-transformers==6.2.0 torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 tokenizers==0.23.3
    venv/bin/python tests/goldens/published/recipe.py

`base` has what all folders share: a BERT of random weights, its configuration and its tokenizer, which knows letters. A mix is a
folder of its own with what is added to these, and `expected.json`: `texts`, and `vectors`, a row a text, by the name of the prompt
("" for the usual one). Vectors are float32, of texts one by one on the CPU.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import sentence_transformers
import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import models, normalizers, pre_tokenizers, processors

HERE = pathlib.Path(__file__).resolve().parent
PINNED = {"sentence_transformers": ("6.2.0", sentence_transformers), "transformers": ("5.23.0", transformers)}
HIDDEN, POSITIONS = 16, 32
TEXTS = [
    "a",
    "the cat sat on the mat",
    "Who read the LETTER twice?",
    "café in PARIS",
    "prices rose and rose and rose until nobody could pay them any more",
]
LIBRARY = "sentence_transformers.models"


def base(folder):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZé?"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *[f"##{letter}" for letter in letters]]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=None)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=POSITIONS, initializer_range=0.4,
    )
    torch.manual_seed(5)
    model = transformers.BertModel(config, add_pooling_layer=False)
    kept = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    settings = {key: value for key, value in config.to_dict().items() if key in CONFIG}
    (folder / "config.json").write_text(json.dumps({"architectures": ["BertModel"], **settings}, indent=2) + "\n")


CONFIG = ["model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
          "max_position_embeddings", "type_vocab_size", "hidden_act", "layer_norm_eps", "pad_token_id"]  # fmt: skip


def write(folder, name, value):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def mix(name, pooling, dense=(), normalize=False, sentence=None, sentences=None, tokenizer=None):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    kinds = ["Transformer", "Pooling", *["Dense" for _ in dense], *(["Normalize"] if normalize else [])]
    paths = ["", *[f"{number}_{kind}" for number, kind in enumerate(kinds) if number]]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"{LIBRARY}.{kind}"}
        for number, (kind, path) in enumerate(zip(kinds, paths))
    ]
    write(folder, "modules.json", modules)
    write(folder, "1_Pooling/config.json", {"word_embedding_dimension": HIDDEN, **pooling})
    torch.manual_seed(11)
    for number, layer in enumerate(dense, start=2):
        write(folder, f"{number}_Dense/config.json", layer)
        weights = {"linear.weight": torch.randn(layer["out_features"], layer["in_features"]) / layer["in_features"] ** 0.5}
        if layer.get("bias", True):
            weights["linear.bias"] = torch.randn(layer["out_features"])
        save_file(weights, folder / f"{number}_Dense" / "model.safetensors")
    write(folder, "sentence_bert_config.json", {"max_seq_length": POSITIONS, **(sentence or {})})
    if sentences:
        write(folder, "config_sentence_transformers.json", sentences)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False, **(tokenizer or {})})
    with tempfile.TemporaryDirectory() as whole:
        whole = pathlib.Path(whole) / "model"
        shutil.copytree(HERE / "base", whole)
        shutil.copytree(folder, whole, dirs_exist_ok=True)
        model = SentenceTransformer(str(whole), device="cpu")
        prompts = ["", *(sentences or {}).get("prompts", {})]
        vectors = {
            prompt: [model.encode(text, **({"prompt_name": prompt} if prompt else {})).tolist() for text in TEXTS]
            for prompt in prompts
        }
    (folder / "expected.json").write_text(json.dumps({"texts": TEXTS, "vectors": vectors}, ensure_ascii=False) + "\n")
    print(name, len(vectors[""][0]), {prompt: round(rows[1][0], 4) for prompt, rows in vectors.items()})


def dense(inputs, outputs, activation="torch.nn.modules.activation.Tanh", **more):
    return {"in_features": inputs, "out_features": outputs, "bias": True, "activation_function": activation, **more}


if __name__ == "__main__":
    for package, (wanted, found) in PINNED.items():
        if found.__version__ != wanted:
            sys.exit(f"{package} is {found.__version__}; the goldens are made with {wanted}")
    torch.set_num_threads(1)
    (HERE / "base").mkdir(exist_ok=True)
    base(HERE / "base")
    identity, gelu = "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.GELU"
    mix("cls_normalize", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, normalize=True)
    mix("lasttoken", {"pooling_mode": "lasttoken"})
    mix("weightedmean", {"pooling_mode": "weightedmean"}, normalize=True)
    # Switches, in another order than the library's.
    switches = ["lasttoken", "weightedmean_tokens", "mean_sqrt_len_tokens", "mean_tokens", "max_tokens", "cls_token"]
    every = {f"pooling_mode_{switch}": True for switch in switches}
    mix("every_pooling_dense", every, [dense(6 * HIDDEN, 20), dense(20, 12, gelu)], normalize=True)
    layers = [dense(2 * HIDDEN, 10, identity, bias=False), dense(10, 10, "torch.nn.modules.activation.Sigmoid", use_residual=True)]
    mix("max_mean_dense_truncated", {"pooling_mode": ["max", "mean"]}, layers, sentences={"truncate_dim": 7})
    mix("short_lower_left", {"pooling_mode": "mean"}, sentence={"max_seq_length": 9, "do_lower_case": True},
        tokenizer={"truncation_side": "left"})  # fmt: skip
    mix("lower_without_accents", {"pooling_mode": "mean"}, sentence={"do_lower_case": True}, tokenizer={"do_lower_case": True})
    prompts = {"prompts": {"query": "find ", "passage": "read "}, "default_prompt_name": "query"}
    mix("prompts", {"pooling_mode": "mean"}, sentences=prompts)
