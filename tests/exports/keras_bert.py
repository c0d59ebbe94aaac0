"""Encoder files as TensorFlow's users make them: tiny random Keras models through tf2onnx, and what TensorFlow says about them.
Not run in CI; run by hand:

    python -m venv venv
    venv/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0 tf2onnx==1.17.0 transformers==4.57.6 onnxruntime==1.31.1
    venv/bin/python tests/exports/keras_bert.py FOLDER         # all cases, a folder each
    venv/bin/python tests/exports/keras_bert.py --committed    # the one that lies beside this file
    LARDER_EXPORTS=FOLDER cargo test --package larder-encode exports

The folders are as `recipe.py` says. What is expected comes from TensorFlow in float32, one text at a time without padding.
"""

import json
import os
import pathlib
import shutil
import sys

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

import numpy

import tensorflow as tf
import tf2onnx
import tokenizers
import transformers
import transformers.activations_tf
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
TOKENIZERS = HERE.parent / "goldens/tokens"
TEXTS = ["", "a", "the cat sat on the mat.", "\U0001f600 \U0001f469\u200d\U0001f680!", "\u4f60\u597d\uff0c\u4e16\u754c",
         "Hello \u4e16\u754c \U0001f389 caf\u00e9 \u0437\u0434\u0440\u0430\u0432", "who read the letter twice, and why?",
         "the quick brown fox jumped over the lazy dog " * 4]
#: TensorFlow's own is an operator that tf2onnx has none for; published files have the formula.
transformers.activations_tf.ACT2FN["gelu"] = lambda x: 0.5 * x * (1.0 + tf.math.erf(x / numpy.float32(2.0) ** 0.5))
READS = 24
SIZES = dict(num_hidden_layers=2, hidden_size=16, num_attention_heads=2, intermediate_size=24, initializer_range=0.3)
FAMILIES = {
    "bert": ("wordpiece", transformers.TFBertModel, lambda v: transformers.BertConfig(
        vocab_size=v, max_position_embeddings=READS, **SIZES)),
    "distilbert": ("wordpiece", transformers.TFDistilBertModel, lambda v: transformers.DistilBertConfig(
        vocab_size=v, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=READS, initializer_range=0.3)),
    "roberta": ("bytelevel", transformers.TFRobertaModel, lambda v: transformers.RobertaConfig(
        vocab_size=v, max_position_embeddings=READS + 2, type_vocab_size=1, pad_token_id=1, **SIZES)),
    "albert": ("unigram", transformers.TFAlbertModel, lambda v: transformers.AlbertConfig(
        vocab_size=v, embedding_size=8, max_position_embeddings=READS, pad_token_id=1, **SIZES)),
    "electra": ("wordpiece", transformers.TFElectraModel, lambda v: transformers.ElectraConfig(
        vocab_size=v, embedding_size=8, max_position_embeddings=READS, **SIZES)),
}
#: Family, inputs, outputs, opset, fixed axes, element type of the inputs, committed?
CASES = {
    "keras_bert": ("bert", 3, ["last_hidden_state", "pooler_output"], 17, (None, None), tf.int32, True),
    "keras_bert_opset12": ("bert", 3, ["pooler_output", "last_hidden_state"], 12, (None, None), tf.int32, False),
    "keras_bert_int64": ("bert", 2, ["last_hidden_state"], 15, (None, None), tf.int64, False),
    "keras_bert_fixed": ("bert", 3, ["last_hidden_state"], 17, (None, 16), tf.int32, False),
    "keras_bert_float_mask": ("bert", 2, ["last_hidden_state"], 17, (None, None), tf.float32, False),
    "keras_bert_sentence": ("bert", 2, ["sentence"], 17, (None, None), tf.int32, False),
    "keras_distilbert": ("distilbert", 2, ["last_hidden_state"], 17, (None, None), tf.int32, False),
    "keras_roberta": ("roberta", 2, ["last_hidden_state"], 17, (None, None), tf.int32, False),
    "keras_albert": ("albert", 3, ["last_hidden_state"], 17, (None, None), tf.int32, False),
    "keras_electra": ("electra", 3, ["last_hidden_state"], 17, (None, None), tf.int32, False),
}


def make(name, folder):
    family, count, outputs, opset, fixed, dtype, _ = CASES[name]
    folder.mkdir(parents=True, exist_ok=True)
    which, kind, settings = FAMILIES[family]
    tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZERS / f"{which}.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(fixed[1] or READS)
    tf.random.set_seed(sum(map(ord, name)))
    config = settings(tokenizer.get_vocab_size())
    model = kind(config)
    model(tf.constant([[5, 6, 7]]))
    random = numpy.random.default_rng(1)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign_add(random.normal(0, 0.1, weight.shape).astype(numpy.float32))
    keys = ["input_ids", "attention_mask", "token_type_ids"][:count]

    def run(*values):
        feed = {key: tf.cast(value, tf.int32) for key, value in zip(keys, values)}
        out = model(feed, output_hidden_states=True, training=False)
        found = {"last_hidden_state": out.last_hidden_state, "pooler_output": getattr(out, "pooler_output", None)}
        mask = tf.cast(feed["attention_mask"], tf.float32)[:, :, None]
        found["sentence"] = tf.math.l2_normalize(
            tf.reduce_sum(out.last_hidden_state * mask, 1) / tf.maximum(tf.reduce_sum(mask, 1), 1e-9), axis=1)
        return found, out.hidden_states

    types = [tf.int32 if dtype == tf.float32 and key != "attention_mask" else dtype for key in keys]
    signature = [tf.TensorSpec(fixed, kind, name=key) for key, kind in zip(keys, types)]
    function = tf.function(lambda *values: {key: run(*values)[0][key] for key in outputs}, input_signature=signature)
    tf2onnx.convert.from_function(function, input_signature=signature, opset=opset, output_path=str(folder / "model.onnx"))

    rows = [tokenizer.encode(text).ids for text in TEXTS]
    states, pooled = [], []
    special = {"pooler_output": "tanh", "sentence": "mean_normalized"}
    extra = next((key for key in outputs if key in special), None)
    for row in rows:
        ids = numpy.array([row])
        found, hidden = run(*[ids, numpy.ones_like(ids), numpy.zeros_like(ids)][:count])
        states.append(numpy.stack([layer.numpy()[0] for layer in hidden]))
        pooled += [found[extra].numpy()[0]] if extra else []
    answer = {"lengths": numpy.array([len(row) for row in rows], dtype=numpy.int64),
              "input_ids": numpy.array([id for row in rows for id in row], dtype=numpy.int64),
              "hidden_states": numpy.ascontiguousarray(numpy.concatenate(states, 1))}
    answer |= {"pooled": numpy.stack(pooled)} if extra else {}
    save_file(answer, folder / "expected.safetensors")
    shutil.copy(TOKENIZERS / f"{which}.json", folder / "tokenizer.json")
    config.to_json_file(folder / "config.json")
    tokens = "last_hidden_state" in outputs
    told = {"tolerance": 1e-4, "tokens": tokens, "hidden_states": tokens, "pooled": special.get(extra),
            "reads": fixed[1] or READS, "fixed": list(fixed), "texts": TEXTS}
    (folder / "case.json").write_text(json.dumps(told, indent=1) + "\n")


def main(arguments):
    if arguments[:1] == ["--committed"]:
        jobs = {name: HERE / name for name, this in CASES.items() if this[-1]}
    elif arguments:
        jobs = {name: pathlib.Path(arguments[0]) / name for name in CASES if all(word in name for word in arguments[1:])}
    else:
        sys.exit(__doc__)
    for name, folder in jobs.items():
        make(name, folder)
        print(f"{sum(file.stat().st_size for file in folder.iterdir()):9d}  {name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
