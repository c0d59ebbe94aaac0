"""Makes encoder files the way others do: tiny random models of many families, from the exporters and with the options that
published files show, and what PyTorch says about them. Not run in CI; run by hand:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.23.0 onnx==1.23.2 onnxruntime==1.31.1 onnxscript==0.7.2 \
        onnxconverter-common==1.16.0 tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python tests/exports/recipe.py FOLDER            # all cases, a folder each, about 20 MB
    venv/bin/python tests/exports/recipe.py FOLDER bert_      # those whose name holds `bert_`
    venv/bin/python tests/exports/recipe.py --committed       # the handful that lies beside this file
    LARDER_EXPORTS=FOLDER cargo test --package larder-encode exports

Each folder has `model.onnx` (and what it keeps outside itself), `tokenizer.json`, `config.json`, and

- `case.json`: `tolerance` (of the largest difference, absolute and relative to the root mean square; where `half` is true, of
  the length of each vector's difference relative to the vector's), `tokens` (does the file give token vectors?),
  `hidden_states` (can every layer be read?), `pooled` (what the 2-D output is, or null), `reads` (tokens), `fixed` ([batch,
  seq], null where open), `texts`;
- `expected.safetensors`: `lengths` int64 [texts], `input_ids` int64 [tokens], `hidden_states` float32
  [layers + 1, tokens, hidden] of the tokens of all texts one behind the other, `pooled` float32 [texts, hidden].

What is expected comes from PyTorch in float32, one text at a time without padding; of a dynamically quantised file from
ONNX Runtime in Python, one text at a time.
"""

import copy
import json
import pathlib
import sys
import warnings

import numpy
import onnx
import onnxruntime
import tokenizers
import torch
import transformers
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "goldens/encoder"))
TOKENIZERS = HERE.parent / "goldens/tokens"
PINNED = {"torch": ("2.15.0", torch.__version__), "transformers": ("5.23.0", transformers.__version__),
          "onnx": ("1.23.2", onnx.__version__), "onnxruntime": ("1.31.1", onnxruntime.__version__)}

#: Words that the toy tokenizers know or spell: empty, one letter, emoji, CJK, mixed scripts, and longer than is read.
TEXTS = ["", "a", "the cat sat on the mat.", "\U0001f600 \U0001f469\u200d\U0001f680!", "\u4f60\u597d\uff0c\u4e16\u754c",
         "Hello \u4e16\u754c \U0001f389 caf\u00e9 \u0437\u0434\u0440\u0430\u0432", "who read the letter twice, and why?",
         "the quick brown fox jumped over the lazy dog " * 4]
READS = 24
#: Half precision rounds at 5e-4 of a value; a vector's difference is a few times that after two layers.
HALF = 5e-3
LAYERS, HIDDEN, HEADS, INNER = 2, 16, 2, 24
SIZES = dict(num_hidden_layers=LAYERS, hidden_size=HIDDEN, num_attention_heads=HEADS, intermediate_size=INNER,
             initializer_range=0.3)

FAMILIES = {
    "bert": ("wordpiece", lambda v: transformers.BertConfig(vocab_size=v, max_position_embeddings=READS, **SIZES)),
    "albert": ("unigram", lambda v: transformers.AlbertConfig(
        vocab_size=v, embedding_size=8, max_position_embeddings=READS, pad_token_id=1, **SIZES)),
    "distilbert": ("wordpiece", lambda v: transformers.DistilBertConfig(
        vocab_size=v, dim=HIDDEN, n_layers=LAYERS, n_heads=HEADS, hidden_dim=INNER, max_position_embeddings=READS,
        initializer_range=0.3)),
    "roberta": ("bytelevel", lambda v: transformers.RobertaConfig(
        vocab_size=v, max_position_embeddings=READS + 2, type_vocab_size=1, pad_token_id=1, **SIZES)),
    "electra": ("wordpiece", lambda v: transformers.ElectraConfig(
        vocab_size=v, embedding_size=8, max_position_embeddings=READS, **SIZES)),
}
#: Families with rotary positions or attention by distance, which larder tells by their `config.json`. Their files in half precision are
#: exported so: the converter makes some that ONNX Runtime does not load.
BY_CONFIG = {
    # Windows of four tokens.
    "modernbert": ("bytelevel", lambda v: transformers.ModernBertConfig(
        vocab_size=v, max_position_embeddings=READS, global_attn_every_n_layers=2, local_attention=4, pad_token_id=1, cls_token_id=0,
        sep_token_id=2, bos_token_id=0, eos_token_id=2, **SIZES)),
    # Keys and values of one head, for queries of two.
    "eurobert": ("bytelevel", lambda v: transformers.EuroBertConfig(
        vocab_size=v, max_position_embeddings=READS, num_key_value_heads=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, **SIZES)),
    "nomic_bert": ("wordpiece", lambda v: transformers.NomicBertConfig(
        vocab_size=v, max_position_embeddings=READS, type_vocab_size=2, pad_token_id=0, **SIZES)),
    "deberta_v2": ("unigram", lambda v: transformers.DebertaV2Config(
        vocab_size=v, max_position_embeddings=READS, relative_attention=True, position_buckets=4, norm_rel_ebd="layer_norm",
        share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0, pad_token_id=1, **SIZES)),
}
#: Those of transformers 5, and those that the goldens' recipe defines.
if hasattr(transformers, "GteConfig"):
    import recipe_models
    ROBERTA = dict(max_position_embeddings=READS + 2, type_vocab_size=1, pad_token_id=1, **SIZES)
    BY_CONFIG |= {
        "gte": ("unigram", lambda v: transformers.GteConfig(
            vocab_size=v, max_position_embeddings=READS, pad_token_id=1,
            rope_parameters={"rope_type": "default", "rope_theta": 1000.0}, **SIZES)),
        # Two types of tokens, and angles for texts twice as long as in pretraining.
        "new": ("wordpiece", lambda v: recipe_models.NewConfig(
            vocab_size=v, max_position_embeddings=READS, type_vocab_size=2, pad_token_id=0, rope_theta=100.0,
            rope_scaling={"type": "ntk", "factor": 2.0}, **SIZES)),
        "neobert": ("wordpiece", lambda v: recipe_models.NeoBertConfig(vocab_size=v, max_length=READS, **SIZES)),
        # Three tasks, of which every token has the first.
        "ernie": ("wordpiece", lambda v: transformers.ErnieConfig(
            vocab_size=v, max_position_embeddings=READS, type_vocab_size=4, use_task_id=True, task_type_vocab_size=3,
            hidden_act="relu", **SIZES)),
        "data2vec_text": ("bytelevel", lambda v: transformers.Data2VecTextConfig(vocab_size=v, **ROBERTA)),
        "roberta_prelayernorm": ("bytelevel", lambda v: transformers.RobertaPreLayerNormConfig(vocab_size=v, **ROBERTA)),
    }
#: What else their published `config.json` says.
PUBLISHED_KEYS = {"new": {"rope_theta": 100.0, "rope_scaling": {"type": "ntk", "factor": 2.0}, "rope_parameters": None,
                          "position_embedding_type": "rope", "pack_qkv": True, "layer_norm_type": "layer_norm",
                          "logn_attention_scale": False}}
FAMILIES |= BY_CONFIG
WITH_TYPES = {"bert", "albert", "electra", "nomic_bert", "new", "ernie"}
#: Whose angles exporters give an operator.
ROTARY = {"modernbert", "eurobert", "nomic_bert", "gte", "new"}
WITHOUT_POOLER = {"distilbert", "electra", "modernbert", "eurobert", "nomic_bert", "deberta_v2", "gte", "neobert"}


def turned_in_real_numbers(part, angles):
    """Neighbouring features turned together as exporters can write it, which know no complex numbers."""
    first, second = part[..., ::2], part[..., 1::2]
    cosine, sine = angles.cos().to(part.dtype), angles.sin().to(part.dtype)
    return torch.stack([first * cosine - second * sine, first * sine + second * cosine], -1).flatten(-2)


class RootMeanSquare(torch.nn.Module):
    """PyTorch's, of operators that the older exporter knows."""

    def __init__(self, given):
        super().__init__()
        self.weight, self.eps = given.weight, given.eps

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)).to(x.dtype)


def in_exportable_operators(model):
    """NeoBERT as those write it who export it."""
    recipe_models.neighbours_turned = turned_in_real_numbers
    for module in list(model.modules()):
        for name, inner in list(module.named_children()):
            if isinstance(inner, torch.nn.RMSNorm):
                setattr(module, name, RootMeanSquare(inner))


def joined(parts):
    """One product of several."""
    bias = torch.cat([part.bias for part in parts]) if parts[0].bias is not None else None
    whole = torch.nn.Linear(parts[0].in_features, sum(part.out_features for part in parts), bias is not None)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([part.weight for part in parts]))
        if bias is not None:
            whole.bias.copy_(bias)
    return whole


class JoinedAttention(torch.nn.Module):
    """mGTE's, with one product for query, key and value, as its publisher's code has it."""

    def __init__(self, given):
        super().__init__()
        self.config, self.head_dim, self.o_proj = given.config, given.head_dim, given.o_proj
        self.scaling, self.is_causal = given.scaling, False
        self.qkv_proj = joined([given.q_proj, given.k_proj, given.v_proj])

    def forward(self, hidden_states, attention_mask=None, position_embeddings=None, **_):
        from transformers.models.gte import modeling_gte
        outer = hidden_states.shape[:-1]
        parts = self.qkv_proj(hidden_states).split(self.config.hidden_size, dim=-1)
        query, key, value = (part.view(*outer, -1, self.head_dim).transpose(1, 2) for part in parts)
        query, key = modeling_gte.apply_rotary_pos_emb(query, key, *position_embeddings)
        attention = modeling_gte.ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, modeling_gte.eager_attention_forward)
        context, weights = attention(self, query, key, value, attention_mask, dropout=0.0, scaling=self.scaling)
        return self.o_proj(context.reshape(*outer, -1)), weights


class JoinedGate(torch.nn.Module):
    """mGTE's feed-forward block, with one product for what is gated and its gate."""

    def __init__(self, given):
        super().__init__()
        self.up_gate_proj = joined([given.up_proj, given.gate_proj])
        self.down_proj, self.act_fn = given.down_proj, given.act_fn

    def forward(self, x):
        up, gate = self.up_gate_proj(x).chunk(2, dim=-1)
        return self.down_proj(self.act_fn(gate) * up)


def as_published(model):
    """mGTE as its publisher's code computes it."""
    for layer in model.layers:
        layer.self_attn, layer.mlp = JoinedAttention(layer.self_attn), JoinedGate(layer.mlp)


def tokenizer_of(family):
    path = TOKENIZERS / f"{FAMILIES[family][0]}.json"
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(READS)
    return path, tokenizer


def model_of(family, attention="eager", untrained=False):
    torch.manual_seed(sum(map(ord, family)))
    config = FAMILIES[family][1](tokenizer_of(family)[1].get_vocab_size())
    config._attn_implementation = attention
    model = transformers.AutoModel.from_config(config, attn_implementation=attention).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Freshly made normalisations and biases are ones and zeros: a swapped one would not show.
            if parameter.dim() == 1 and not untrained:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def pool(kind, hidden, mask):
    if kind.startswith("cls"):
        vector = hidden[:, 0]
    else:
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        vector = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(vector, p=2, dim=1) if kind.endswith("normalized") else vector


class Wrapped(torch.nn.Module):
    """Takes ids, mask and type ids in this order and gives the outputs named in `outputs`, as a tuple."""

    def __init__(self, model, outputs, types):
        super().__init__()
        self.model, self.outputs, self.types = model, outputs, types

    def forward(self, ids, mask, types=None):
        more = {"token_type_ids": types} if self.types else {}
        out = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True, **more)
        found = []
        for name in self.outputs:
            if name == "tokens":
                found.append(out.last_hidden_state)
            elif name == "pooler":
                found.append(out.pooler_output)
            elif name == "layers":
                found.extend(out.hidden_states[:-1])
            elif name == "ids":
                found.append(ids + 0)
            elif name == "mask":
                found.append(mask + 0)
            else:
                found.append(pool(name, out.last_hidden_state, mask))
        return tuple(found)


def export(model, path, *, exporter, outputs, types, ids=torch.int64, fixed=(None, None), names="usual", opset=None,
           training=False, external=False):
    wrapped = Wrapped(model, outputs, types)
    batch, seq = fixed[0] or 2, fixed[1] or 7
    torch.manual_seed(1)
    example = [torch.randint(4, 100, (batch, seq)).to(ids), torch.ones(batch, seq, dtype=ids)]
    if batch > 1 and fixed[1] is None:
        example[1][-1, 5:] = 0
    if types:
        example.append(torch.zeros(batch, seq, dtype=ids))
    inputs = ["input_ids", "attention_mask", "token_type_ids"][:len(example)]
    count = sum(LAYERS if name == "layers" else 1 for name in outputs)
    if names == "usual":
        usual = {"tokens": ["last_hidden_state"], "pooler": ["pooler_output"], "ids": ["ids"], "mask": ["mask"],
                 "layers": [f"hidden_states.{layer}" for layer in range(LAYERS)]}
        given = [word for name in outputs for word in usual.get(name, ["sentence_embedding"])]
    elif names == "output_0":
        given = [f"output_{place}" for place in range(count)]
    else:
        # The older exporter takes no numbers for names: they are put in afterwards.
        inputs, given = list("xyz")[:len(example)], [f"number_{461 + place}" for place in range(count)]
    free = {axis: name for axis, name in [(0, "batch"), (1, "seq")] if fixed[axis] is None}
    if exporter == "ts":
        flat = {"pooler", "cls", "mean", "cls_normalized", "mean_normalized"}
        ranks = [2 if name in flat else 3 for name in outputs for _ in range(LAYERS if name == "layers" else 1)]
        axes = {name: free for name in inputs} if free else {}
        axes |= {name: {a: n for a, n in free.items() if a < rank - 1} for name, rank in zip(given, ranks)} if free else {}
        training_mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
        torch.onnx.export(wrapped, tuple(example), str(path), dynamo=False, opset_version=opset or 17, input_names=inputs,
                          output_names=given, dynamic_axes=axes, training=training_mode,
                          do_constant_folding=not training)
    else:
        dynamic = {axis: torch.export.Dim.DYNAMIC for axis in free}
        shapes = tuple(dynamic for _ in example) if free else None
        torch.onnx.export(wrapped, tuple(example), str(path), dynamo=True, opset_version=opset or 18, input_names=inputs,
                          output_names=given, dynamic_shapes=shapes, external_data=external, verbose=False)


def lean(path):
    """Takes notes about the exporting machine's source files out."""
    model = onnx.load(str(path), load_external_data=False)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for value in model.graph.value_info:
        del value.metadata_props[:]
    for output in model.graph.output:
        if output.name.startswith("number_"):
            bare = output.name.removeprefix("number_")
            for node in model.graph.node:
                node.input[:] = [bare if name == output.name else name for name in node.input]
                node.output[:] = [bare if name == output.name else name for name in node.output]
            output.name = bare
    onnx.save(model, str(path))


def expected(family, model, pooled):
    _, tokenizer = tokenizer_of(family)
    rows = [tokenizer.encode(text).ids for text in TEXTS]
    states, vectors = [], []
    for row in rows:
        ids = torch.tensor([row])
        with torch.no_grad():
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
            # Some models normalise the last layer once more before they give it.
            states.append(torch.stack([*out.hidden_states[:-1], out.last_hidden_state])[:, 0])
            if pooled == "tanh":
                vectors.append(out.pooler_output[0])
            elif pooled:
                vectors.append(pool(pooled, out.last_hidden_state, torch.ones_like(ids))[0])
    answer = {"lengths": numpy.array([len(row) for row in rows], dtype=numpy.int64),
              "input_ids": numpy.array([id for row in rows for id in row], dtype=numpy.int64),
              "hidden_states": torch.cat(states, 1).contiguous().numpy()}
    return answer | ({"pooled": torch.stack(vectors).numpy()} if vectors else {})


def rerun(path, answer, has_pooled):
    """What the file itself says, in ONNX Runtime, one text at a time: the last layer and the pooled output only."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    at, tokens, pooled = 0, [], []
    for length in answer["lengths"]:
        ids = answer["input_ids"][None, at:at + length]
        at += length
        values = [ids, numpy.ones_like(ids), numpy.zeros_like(ids)]
        feed = {given.name: value for given, value in zip(session.get_inputs(), values)}
        for value in session.run(None, feed):
            (tokens if value.ndim == 3 else pooled).append(value[0])
    answer["hidden_states"] = numpy.concatenate(tokens)[None]
    if has_pooled:
        answer["pooled"] = numpy.stack(pooled)


CASES = {}


def case(name, family="bert", exporter="ts", outputs=("tokens", "pooler"), attention="eager", after=None, tolerance=1e-4,
         hidden_states=True, reads=READS, types=None, committed=False, int8=False, half=False, untrained=False,
         one_text=False, **options):
    if family in WITHOUT_POOLER:
        outputs = tuple(output for output in outputs if output != "pooler")
    CASES[name] = dict(family=family, exporter=exporter, outputs=outputs, attention=attention, after=after,
                       tolerance=tolerance, hidden_states=hidden_states, reads=reads,
                       types=family in WITH_TYPES if types is None else types, committed=committed, int8=int8, half=half,
                       untrained=untrained, one_text=one_text, options=options)


def make(name, folder):
    this = CASES[name]
    family, options = this["family"], this["options"]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model = model_of(family, this["attention"], this["untrained"])
    pooled = next((output for output in this["outputs"] if output not in ("tokens", "layers", "ids", "mask")), None)
    pooled = "tanh" if pooled == "pooler" else pooled
    answer = expected(family, model, pooled)
    path = folder / "model.onnx"
    exported = copy.deepcopy(model)
    if family == "neobert":
        in_exportable_operators(exported)
    if family == "new":
        as_published(exported)
    if this["half"]:
        exported = exported.half()
    if options.get("training"):
        exported.train()
        for module in exported.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.1
    export(exported, path, exporter=this["exporter"], outputs=this["outputs"], types=this["types"], **options)
    lean(path)
    if this["after"]:
        this["after"](path)
    if this["int8"]:
        rerun(path, answer, pooled is not None)
    source, _ = tokenizer_of(family)
    (folder / "tokenizer.json").write_bytes(source.read_bytes())
    written = json.loads(model.config.to_json_string()) | PUBLISHED_KEYS.get(family, {})
    (folder / "config.json").write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
    fixed = options.get("fixed", (None, None))
    if fixed[1]:
        answer = cut(family, model, pooled, fixed[1])
    save_file({key: numpy.ascontiguousarray(value) for key, value in answer.items()}, folder / "expected.safetensors")
    sizes = [1, fixed[1]] if this["one_text"] else list(fixed)
    told = {"tolerance": this["tolerance"], "tokens": "tokens" in this["outputs"], "hidden_states": this["hidden_states"],
            "pooled": pooled, "reads": fixed[1] or this["reads"], "fixed": sizes, "texts": TEXTS}
    told |= {"half": True} if this["tolerance"] == HALF else {}
    (folder / "case.json").write_text(json.dumps(told, indent=1) + "\n")


def cut(family, model, pooled, reads):
    global READS
    before, READS = READS, reads
    try:
        return expected(family, model, pooled)
    finally:
        READS = before


def saved(path, model, **options):
    for old in path.parent.glob("model.onnx*"):
        old.unlink()
    onnx.save(model, str(path), **options)


def to_half(keep_io):
    def convert(path):
        from onnxconverter_common import float16
        model = float16.convert_float_to_float16(onnx.load(str(path)), keep_io_types=keep_io)
        # The converter leaves the old types of some inner tensors behind.
        del model.graph.value_info[:]
        saved(path, model)
    return convert


def to_external(**options):
    def convert(path):
        model = onnx.load(str(path))
        saved(path, model, save_as_external_data=True, size_threshold=0, **options)
    return convert


def to_int8(**options):
    def convert(path):
        from onnxruntime.quantization import QuantType, quantize_dynamic
        plain = path.with_name("plain.onnx")
        path.rename(plain)
        quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, **options)
        plain.unlink()
    return convert


def optimised(level, model_type="bert"):
    """ONNX Runtime's offline optimiser: its fused operators."""
    def convert(path):
        from onnxruntime.transformers import optimizer
        found = optimizer.optimize_model(str(path), model_type=model_type, num_heads=HEADS, hidden_size=HIDDEN,
                                         opt_level=level, use_gpu=False)
        saved(path, found.model)
    return convert


def saved_by_session(level):
    """What a session writes with `optimized_model_filepath`."""
    def convert(path):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(path.with_name("optimised.onnx"))
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        path.with_name("optimised.onnx").replace(path)
    return convert


def nameless(path):
    """Drops every name that means something, every shape inside, and shuffles the initializers."""
    model = onnx.load(str(path))
    names = {}
    def rename(name):
        return names.setdefault(name, f"t{len(names)}") if name else name
    graph = model.graph
    for node in graph.node:
        node.name = ""
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    for part in [*graph.input, *graph.output, *graph.initializer]:
        part.name = rename(part.name)
    del graph.value_info[:]
    weights = sorted(graph.initializer, key=lambda tensor: tensor.SerializeToString())
    del graph.initializer[:]
    graph.initializer.extend(weights)
    onnx.save(model, str(path))


def first_output_float16(path):
    """Weights in half precision alone, cast back before use."""
    model = onnx.load(str(path))
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == numpy.float32 and values.ndim == 2:
            small = onnx.numpy_helper.from_array(values.astype(numpy.float16), tensor.name + ".half")
            casts.append(onnx.helper.make_node("Cast", [small.name], [tensor.name], to=onnx.TensorProto.FLOAT))
            graph.initializer.remove(tensor)
            graph.initializer.append(small)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))


def integers_with_factors(path):
    """Weights in integers of 8 bits, made floats with a factor for each column where they are used."""
    model = onnx.load(str(path))
    graph = model.graph
    made = []
    for tensor in list(graph.initializer):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == numpy.float32 and values.ndim == 2:
            factor = numpy.abs(values).max(0, keepdims=True) / 127
            parts = {".integers": numpy.round(values / factor).astype(numpy.int8), ".factor": factor}
            graph.initializer.remove(tensor)
            graph.initializer.extend(onnx.numpy_helper.from_array(part, tensor.name + end) for end, part in parts.items())
            made.append(onnx.helper.make_node("Cast", [tensor.name + ".integers"], [tensor.name + ".cast"],
                                              to=onnx.TensorProto.FLOAT))
            made.append(onnx.helper.make_node("Mul", [tensor.name + ".cast", tensor.name + ".factor"], [tensor.name]))
    nodes = [*made, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))


for family in FAMILIES:
    for exporter in ["ts", "dynamo"]:
        for attention in ["eager", "sdpa"]:
            case(f"{family}_{exporter}_{attention}", family, exporter, attention=attention,
                 committed=(family, exporter, attention) in [
                     ("albert", "ts", "eager"), ("distilbert", "dynamo", "sdpa"), ("modernbert", "dynamo", "sdpa"),
                     ("eurobert", "ts", "eager"), ("nomic_bert", "dynamo", "sdpa"), ("deberta_v2", "dynamo", "eager"),
                     ("gte", "ts", "sdpa"), ("new", "ts", "eager"), ("neobert", "dynamo", "eager"), ("ernie", "dynamo", "sdpa"),
                     ("roberta_prelayernorm", "ts", "sdpa")])
    if family != "bert":
        case(f"{family}_ts_numbers", family, outputs=("pooler", "tokens"), names="numbers")
        case(f"{family}_ts_fixed_1", family, fixed=(1, 16))
        case(f"{family}_dynamo_external", family, "dynamo", external=True)
        # Which has operators for attention, rotary positions and normalisation by the root mean square. ONNX Runtime refuses a mask that
        # is the same for all queries (NeoBERT's), and the angles of one text for several.
        fused = "eager" if family in ("deberta_v2", "neobert") else "sdpa"
        case(f"{family}_dynamo_opset23", family, "dynamo", attention=fused, opset=23, one_text=family in ROTARY,
             committed=family == "gte")
        if family in BY_CONFIG:
            # In EuroBERT gates multiply what is rounded already, and nothing subtracts a mean.
            tolerance = 2 * HALF if family == "eurobert" else HALF
            # Nor does anything normalise what NeoBERT's layers add up: with weights as wide as these the file itself is too far off.
            if family != "neobert":
                case(f"{family}_ts_half", family, half=True, tolerance=tolerance, committed=family == "modernbert")
        else:
            case(f"{family}_ts_half", family, after=to_half(False), tolerance=HALF)
        # Exporters keep equal numbers once: all ones of an encoder that was not trained, and all its zeros.
        case(f"{family}_dynamo_untrained", family, "dynamo", untrained=True, committed=family == "deberta_v2")
        case(f"{family}_ts_session", family, after=saved_by_session(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
             committed=family == "deberta_v2")
        case(f"{family}_ts_int8", family, int8=True, after=to_int8(), hidden_states=False)
        case(f"{family}_ts_mean_only", family, outputs=("mean_normalized",), hidden_states=False)
for exporter in ["ts", "dynamo"]:
    for opset in {"ts": [11, 13, 14, 20], "dynamo": [18, 20, 23]}[exporter]:
        case(f"bert_{exporter}_opset{opset}", exporter=exporter, opset=opset, attention="sdpa" if opset > 13 else "eager")
    case(f"bert_{exporter}_int32", exporter=exporter, ids=torch.int32)
    case(f"bert_{exporter}_no_types", exporter=exporter, types=False)
    case(f"bert_{exporter}_fixed_1", exporter=exporter, fixed=(1, 16), committed=exporter == "ts")
    case(f"bert_{exporter}_fixed_8", exporter=exporter, fixed=(8, 16))
    case(f"bert_{exporter}_fixed_1_any", exporter=exporter, fixed=(1, None))
    case(f"bert_{exporter}_any_16", exporter=exporter, fixed=(None, 16))
    case(f"bert_{exporter}_numbers", exporter=exporter, names="numbers", outputs=("pooler", "tokens"))
    case(f"bert_{exporter}_output_0", exporter=exporter, names="output_0")
    case(f"bert_{exporter}_strays", exporter=exporter, names="numbers", outputs=("ids", "pooler", "mask", "tokens"))
    case(f"bert_{exporter}_layers", exporter=exporter, outputs=("tokens", "layers"))
    case(f"bert_{exporter}_layers_first", exporter=exporter, outputs=("layers", "tokens", "pooler"), names="output_0")
    for kind in ["cls", "mean", "cls_normalized", "mean_normalized"]:
        case(f"bert_{exporter}_and_{kind}", exporter=exporter, outputs=("tokens", kind))
        case(f"bert_{exporter}_only_{kind}", exporter=exporter, outputs=(kind,),
             hidden_states=False, committed=(exporter, kind) == ("dynamo", "mean_normalized"))
    case(f"bert_{exporter}_only_pooler", exporter=exporter, outputs=("pooler",), hidden_states=False)
    case(f"bert_{exporter}_half", exporter=exporter, after=to_half(False), tolerance=HALF)
    case(f"bert_{exporter}_half_keep_io", exporter=exporter, outputs=("tokens",), after=to_half(True), tolerance=HALF)
    case(f"bert_{exporter}_half_weights", exporter=exporter, after=first_output_float16, tolerance=HALF)
    case(f"bert_{exporter}_half_torch", exporter=exporter, half=True, tolerance=HALF)
    case(f"bert_{exporter}_external_one", exporter=exporter, after=to_external(location="weights.bin"))
    case(f"bert_{exporter}_external_each", exporter=exporter, after=to_external(all_tensors_to_one_file=False))
    case(f"bert_{exporter}_int8", exporter=exporter, int8=True, after=to_int8(), hidden_states=False)
    case(f"bert_{exporter}_int8_channel", exporter=exporter, int8=True, after=to_int8(per_channel=True, reduce_range=True),
         hidden_states=False)
    case(f"bert_{exporter}_int8_weights", exporter=exporter, int8=True, after=integers_with_factors, hidden_states=False,
         committed=exporter == "dynamo", outputs=("tokens",))
    case(f"bert_{exporter}_nameless", exporter=exporter, after=nameless, attention="sdpa",
         committed=exporter == "dynamo")
    case(f"bert_{exporter}_fused", exporter=exporter, after=optimised(0))
    case(f"bert_{exporter}_fused_sdpa", exporter=exporter, after=optimised(0), attention="sdpa")
    case(f"bert_{exporter}_fused_99", exporter=exporter, after=optimised(99))
    case(f"bert_{exporter}_session_extended", exporter=exporter,
         after=saved_by_session(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED))
case("bert_ts_training", training=True, hidden_states=True)
case("bert_dynamo_external", exporter="dynamo", external=True)


def main(arguments):
    for package, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{package} is {found}, and the files were made with {wanted}")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments[:1] == ["--committed"]:
        jobs = {name: HERE / name for name, this in CASES.items() if this["committed"]}
    elif arguments:
        jobs = {name: pathlib.Path(arguments[0]) / name for name in CASES if all(word in name for word in arguments[1:])}
    else:
        sys.exit(__doc__)
    failed = []
    for name, folder in jobs.items():
        try:
            make(name, folder)
            print(f"{sum(file.stat().st_size for file in folder.iterdir()):9d}  {name}", flush=True)
        except Exception as problem:  # An exporter's failure is told, and the next case made.
            failed.append(f"{name}: {type(problem).__name__}: {str(problem).strip().splitlines()[:1]}")
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    print(f"{len(jobs) - len(failed)} made, {len(failed)} could not be made", *failed, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
