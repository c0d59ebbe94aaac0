"""Makes the encoder goldens: what PyTorch says about tiny random encoders of every family and about all-MiniLM-L6-v2.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 sentencepiece==0.2.3 protobuf
    venv/bin/python tests/goldens/encoder/recipe.py .larder/models/all-MiniLM-L6-v2

The argument is a folder with `config.json` and `model.safetensors`; without it only the tiny encoders are made. Written
beside this file:

- `tiny/config.json`, `tiny/model.safetensors`: a BERT of hidden size 32 with 2 layers and random weights, large enough
  (standard deviation 0.2) that attention is far from uniform and every term shows in the output;
- `tiny/outputs_<hidden_act>.safetensors`: its outputs: in full, with the inputs, for `gelu`, one row for the others;
- `<family>/`: an encoder of each other family with 2 or 3 layers, as published: `config.json`, `model.safetensors` (some
  in 16 bits, some with the prefix of a model with a head), the files of its vocabulary and the `tokenizer.json` that
  transformers makes of them (`recipe_tokenizers.py`); `outputs.safetensors`: inputs, every hidden state, `pooler_output`;
- of families that transformers lacks, the model is that of `recipe_models.py`;
- `modernbert/long.safetensors`: texts that are longer than a local window, of which some tokens are kept; `deberta-v2/long.safetensors`:
  the same of texts with distances beyond all buckets;
- `deberta-v2/<variant>/`: encoders of that family with other settings, without vocabularies (`VARIANTS` below);
- `minilm.safetensors`: inputs and outputs of the real model. `last_hidden_state` and the layers' means are kept for
  chosen rows only, to stay small; `pooler_output` and `mean` are kept in full.

All of `input_ids`, `attention_mask`, `token_type_ids` are int64 [batch, seq]; outputs are float32 of the eager
attention, computed in one thread.
"""

import json
import pathlib
import sys

import recipe_models
import recipe_tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
PINNED = {"torch": ("2.15.0", torch.__version__), "transformers": ("5.23.0", transformers.__version__)}
ACTIVATIONS = ["gelu", "gelu_new", "relu"]

# Six sequences in WordPiece ids of bert-base-uncased, from one token between the marks to 24; [CLS] 101, [SEP] 102.
SEQUENCES = [
    [101, 7592, 102],
    [101, 1996, 4937, 2938, 2006, 1996, 13523, 1012, 102],
    [101, 2002, 3236, 1996, 2197, 3345, 2188, 1998, 2166, 3728, 2000, 2010, 2269, 1012, 102],
    [101, 29436, 9352, 30521, 1, 999, 102],
    [101, 2054, 2051, 2003, 2009, 1029, 102, 2009, 2003, 2274, 5119, 1012, 102],
    [101, 3899, 2075, 2003, 1037, 2309, 2773, 1010, 2021, 2009, 2003, 2026, 5440, 2028, 2012, 1996, 2617, 1010, 2061,
     2292, 2033, 2224, 2009, 1012, 102, 102],
]


def batch(sequences):
    """Pads to the longest; the second segment, if any, begins after the first 102."""
    longest = max(map(len, sequences))
    ids, mask, types = (torch.zeros(len(sequences), longest, dtype=torch.int64) for _ in range(3))
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
        types[row, sequence.index(102) + 1 : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def run(model, inputs):
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
    weight = inputs["attention_mask"].unsqueeze(-1).float()
    means = [(h * weight).sum(1) / weight.sum(1).clamp(min=1) for h in out.hidden_states]
    return out, torch.stack(means, 1)


def contiguous(tensors):
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def tiny():
    folder = HERE / "tiny"
    folder.mkdir(exist_ok=True)
    torch.manual_seed(7)
    settings = dict(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                    max_position_embeddings=32, type_vocab_size=2, initializer_range=0.02)
    state = None
    sequences = [[ids % 100 if ids != 102 else 102 for ids in sequence] for sequence in SEQUENCES]
    inputs = batch(sequences)
    inputs["input_ids"] %= 100
    for activation in ACTIVATIONS:
        config = transformers.BertConfig(**settings, hidden_act=activation)
        config._attn_implementation = "eager"
        model = transformers.BertModel(config).eval()
        if state is None:
            state = {}
            for name, tensor in model.state_dict().items():
                if tensor.is_floating_point():
                    centre = 1.0 if name.endswith("LayerNorm.weight") else 0.0
                    state[name] = centre + 0.2 * torch.randn(tensor.shape)
            save_file(contiguous(state), folder / "model.safetensors", metadata={"format": "pt"})
            written = dict(settings, model_type="bert", hidden_act="gelu", layer_norm_eps=1e-12, pad_token_id=0,
                           position_embedding_type="absolute")
            (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")
        model.load_state_dict(state, strict=False)
        out, means = run(model, inputs)
        # The other activations: one whole row shows what the first layers did.
        kept = {"last_hidden_state_row_2": out.last_hidden_state[2], "pooler_output": out.pooler_output}
        if activation == "gelu":
            # [layer, batch, seq, hidden] and [batch, layer, hidden]; layer 0 is the embeddings' output.
            kept = inputs | {"hidden_states": torch.stack(out.hidden_states), "layer_means": means,
                             "pooler_output": out.pooler_output}
        save_file(contiguous(kept), folder / f"outputs_{activation}.safetensors")


# Settings, the type that weights are stored in, what stands before their names, and lengths of the rows to run.
SMALL = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=28,
             max_position_embeddings=44)
LENGTHS = [3, 11, 6, 14]
FAMILIES = {
    "albert": (transformers.AlbertModel, transformers.AlbertConfig,
               SMALL | dict(embedding_size=10, num_hidden_layers=3, layer_norm_eps=1e-12), torch.float32, "albert.",
               LENGTHS),
    "distilbert": (transformers.DistilBertModel, transformers.DistilBertConfig,
                   dict(dim=20, n_layers=3, n_heads=4, hidden_dim=24, max_position_embeddings=44), torch.float16, "",
                   LENGTHS),
    "electra": (transformers.ElectraModel, transformers.ElectraConfig,
                SMALL | dict(embedding_size=14, num_attention_heads=2), torch.float16, "electra.", LENGTHS),
    # The last row is long enough that rounding decides on its buckets of relative positions (64 and 91 tokens).
    "mpnet": (transformers.MPNetModel, transformers.MPNetConfig,
              SMALL | dict(hidden_size=12, max_position_embeddings=102, layer_norm_eps=1e-5), torch.bfloat16, "mpnet.",
              [5, 97]),
    # Windows of four tokens, which the second row is three times as long as; the first and the last of four layers attend to all.
    "modernbert": (transformers.ModernBertModel, transformers.ModernBertConfig,
                   SMALL | dict(num_hidden_layers=4, global_attn_every_n_layers=3, local_attention=4, pad_token_id=0,
                                cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3), torch.bfloat16, "model.",
                   LENGTHS),
    # Two heads of queries read each of keys and values.
    "eurobert": (transformers.EuroBertModel, transformers.EuroBertConfig,
                 SMALL | dict(num_attention_heads=4, num_key_value_heads=2, pad_token_id=0, bos_token_id=2, eos_token_id=3),
                 torch.bfloat16, "model.", LENGTHS),
    "nomic_bert": (transformers.NomicBertModel, transformers.NomicBertConfig, SMALL | dict(pad_token_id=0), torch.float16, "",
                   LENGTHS),
    # As DeBERTa-v3: four exact distances on each side, then buckets; the last row has distances in all of them.
    "deberta-v2": (transformers.DebertaV2Model, transformers.DebertaV2Config,
                   SMALL | dict(relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
                                pos_att_type="p2c|c2p", position_biased_input=False, max_relative_positions=-1, type_vocab_size=0,
                                layer_norm_eps=1e-7),
                   torch.float16, "deberta.", [3, 11, 6, 41]),
    "gte": (transformers.GteModel, transformers.GteConfig,
            SMALL | dict(rope_parameters={"rope_type": "default", "rope_theta": 1000.0}), torch.float16, "", LENGTHS),
    # Two types of tokens, and angles for texts four times as long as in pretraining.
    "new": (recipe_models.NewModel, recipe_models.NewConfig,
            SMALL | dict(type_vocab_size=2, pad_token_id=0, rope_theta=100.0, rope_scaling={"type": "ntk", "factor": 4.0},
                         position_embedding_type="rope", pack_qkv=True, layer_norm_type="layer_norm",
                         logn_attention_scale=False), torch.bfloat16, "new.", LENGTHS),
    "neobert": (recipe_models.NeoBertModel, recipe_models.NeoBertConfig,
                dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40, max_length=44,
                     norm_eps=1e-5, pad_token_id=0), torch.float32, "model.", LENGTHS),
    # Four types of tokens and three tasks, of which every token has the first.
    "ernie": (transformers.ErnieModel, transformers.ErnieConfig,
              SMALL | dict(type_vocab_size=4, use_task_id=True, task_type_vocab_size=3, hidden_act="relu"), torch.float32,
              "ernie.", LENGTHS),
    "data2vec-text": (transformers.Data2VecTextModel, transformers.Data2VecTextConfig,
                      SMALL | dict(type_vocab_size=1, layer_norm_eps=1e-5), torch.float16, "data2vec_text.", LENGTHS),
    "roberta-prelayernorm": (transformers.RobertaPreLayerNormModel, transformers.RobertaPreLayerNormConfig,
                             SMALL | dict(type_vocab_size=1, layer_norm_eps=1e-5), torch.float16, "roberta_prelayernorm.",
                             LENGTHS),
    "roberta": (transformers.RobertaModel, transformers.RobertaConfig,
                SMALL | dict(type_vocab_size=1, layer_norm_eps=1e-5), torch.float16, "roberta.", LENGTHS),
    "xlm-roberta": (transformers.XLMRobertaModel, transformers.XLMRobertaConfig,
                    SMALL | dict(hidden_size=18, type_vocab_size=1, layer_norm_eps=1e-5,
                                 hidden_act="gelu_pytorch_tanh"), torch.bfloat16, "",
                    LENGTHS),
}


# DeBERTa with: a token table of another width, products of its own for distances, types, positions in the tables, distances that
# are cut at 5; one term alone; a convolution; and no distances.
VARIANTS = {
    "own_products": dict(embedding_size=10, share_att_key=False, position_biased_input=True, type_vocab_size=2, position_buckets=-1,
                         max_relative_positions=5, norm_rel_ebd="none", pos_att_type=["p2c", "c2p"]),
    "content_to_position": dict(share_att_key=False, pos_att_type=["c2p"], position_buckets=7, max_relative_positions=20),
    "position_to_content": dict(pos_att_type="p2c", norm_rel_ebd="none", hidden_act="gelu_new"),
    "convolution": dict(conv_kernel_size=3, conv_act="gelu", position_buckets=16),
    "no_distances": dict(relative_attention=False, norm_rel_ebd="none", position_biased_input=True),
}


def family(name, model_class, config_class, settings, dtype, prefix, lengths):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    if "vocab_size" not in settings:
        settings = dict(vocab_size=recipe_tokenizers.write(name, folder)) | settings
    torch.manual_seed(11)
    config = config_class(**settings)
    model = model_class._from_config(config, attn_implementation="eager").eval()
    state = {}
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            centre = 1.0 if "orm.weight" in key else 0.0
            state[key] = (centre + 0.2 * torch.randn(tensor.shape)).to(dtype)
    model.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=False)
    published = getattr(model, "published", lambda state: state)(state)
    stored = {prefix + key: tensor for key, tensor in published.items()}
    if prefix:
        stored["some_head.weight"] = torch.zeros(1)
    save_file(contiguous(stored), folder / "model.safetensors", metadata={"format": "pt"})
    written = settings | {"model_type": config.model_type, "pad_token_id": config.pad_token_id}
    (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")

    pad = config.pad_token_id
    ids = torch.full((len(lengths), max(lengths)), pad)
    types = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(pad + 1, config.vocab_size, (length,))
        if getattr(config, "type_vocab_size", 0) > 1:
            types[row, length // 2 : length] = 1
    # A padding token in the middle of a text takes no position where positions are counted.
    ids[-1, 2] = pad
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    inputs = {"input_ids": ids, "attention_mask": mask}
    if getattr(config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = types
    out, _ = run(model, inputs)
    # [layer, batch, seq, hidden]; layer 0 is what the first layer reads.
    kept = inputs | {"token_type_ids": types, "hidden_states": torch.stack(out.hidden_states)}
    if out.get("pooler_output") is not None:
        kept["pooler_output"] = out.pooler_output
    assert torch.equal(out.hidden_states[-1], out.last_hidden_state)
    assert len(out.hidden_states) == config.num_hidden_layers + 1
    save_file(contiguous(kept), folder / "outputs.safetensors")


def long_texts(name, others):
    """A tiny encoder again, with the lengths of published ones: texts of 1 to 700 tokens."""
    folder = HERE / name
    model_class, config_class, _, _, prefix, _ = FAMILIES[name]
    settings = json.loads((folder / "config.json").read_text())
    config = config_class(**settings | {"max_position_embeddings": 1024} | others)
    model = model_class._from_config(config, attn_implementation="eager").eval()
    stored = load_file(folder / "model.safetensors")
    model.load_state_dict({name.removeprefix(prefix): tensor.float() for name, tensor in stored.items() if "head" not in name})
    torch.manual_seed(13)
    lengths = [700, 1, 190]
    ids, mask = (torch.zeros(len(lengths), max(lengths), dtype=torch.int64) for _ in range(2))
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(4, config.vocab_size, (length,))
        mask[row, :length] = 1
    out, means = run(model, {"input_ids": ids, "attention_mask": mask})
    # [layer, place, hidden] of some tokens of the first text, and [batch, layer, hidden], the means of all.
    places = torch.arange(0, 700, 37)
    kept = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids), "places": places,
            "sampled": torch.stack(out.hidden_states)[:, 0, places], "layer_means": means}
    save_file(contiguous(kept), folder / "long.safetensors")


def minilm(path):
    model = transformers.BertModel.from_pretrained(path, attn_implementation="eager").eval()
    inputs = batch(SEQUENCES)
    out, means = run(model, inputs)
    kept = inputs | {
        "pooler_output": out.pooler_output,
        "mean": means[:, -1],
        # [row, layer, hidden]: layer 0 is the embeddings' output.
        "layer_means": means[[2, 4]],
        # [seq, hidden] of one whole row with two segments, and the first token of every row.
        "last_hidden_state_row_4": out.last_hidden_state[4, :13],
        "cls": out.last_hidden_state[:, 0],
    }
    save_file(contiguous(kept), HERE / "minilm.safetensors")


if __name__ == "__main__":
    for name, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{name} is {found}; the goldens are made with {wanted}")
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    tiny()
    for name, parts in FAMILIES.items():
        family(name, *parts)
    for name, changed in VARIANTS.items():
        vocabulary = json.loads((HERE / "deberta-v2/config.json").read_text())["vocab_size"]
        model_class, config_class, settings, _, prefix, lengths = FAMILIES["deberta-v2"]
        family(f"deberta-v2/{name}", model_class, config_class, settings | changed | dict(vocab_size=vocabulary), torch.bfloat16, prefix, lengths)
    long_texts("modernbert", {"local_attention": 128})
    long_texts("deberta-v2", {"max_relative_positions": 200})
    if len(sys.argv) == 2:
        minilm(sys.argv[1])
