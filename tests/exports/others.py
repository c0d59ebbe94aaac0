"""More encoder files as others make them: by optimum, transformers.onnx, sentence-transformers, ONNX Runtime's optimiser and
quantisers, onnxslim and onnxsim, with other inputs and outputs than most, and with task heads. Not run in CI; run by hand:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==4.57.6 optimum-onnx==0.1.0 sentence-transformers==5.7.0 onnx==1.23.2 \
        onnxruntime==1.31.1 onnxscript==0.7.2 onnxconverter-common==1.16.0 onnxslim==0.1.98 onnxsim==0.8.1
    venv/bin/python tests/exports/others.py FOLDER            # all cases, a folder each
    venv/bin/python tests/exports/others.py FOLDER optimum_   # those whose name holds `optimum_`
    venv/bin/python tests/exports/others.py --committed       # the handful that lies beside this file
    LARDER_EXPORTS=FOLDER cargo test --package larder-encode exports

The exporters are kept from the first recipe's environment because optimum wants transformers before 5. The folders are as
`recipe.py` says, and `case.json` may hold one key more: `refused`, the words that must be in the message which says why the
file cannot be taken.

What is expected comes from PyTorch in float32, one text at a time without padding; of files whose numbers are others
(quantised ones, and those with an approximate activation) from ONNX Runtime in Python, one text at a time. Keras's BERT is
made by `keras_bert.py`, in an environment of its own.

Not made: Olive (its passes call the optimiser and the quantisers that are called here), optimum's O4 and float16 exports (they
ask for a GPU, and fail without in these versions; `ort_*_half` is what O4 calls), static quantisation (it needs calibration
texts; its QDQ operators are in `qdq_4bit`).
"""

import copy
import functools
import importlib.metadata
import json
import pathlib
import shutil
import sys
import tempfile
import warnings

import numpy
import onnx
import onnxruntime
import torch
import transformers
from safetensors.numpy import save_file

import recipe
from recipe import FAMILIES, HEADS, HERE, HIDDEN, LAYERS, READS, SIZES, TEXTS, tokenizer_of

PINNED = {"torch": "2.15.0", "transformers": "4.57.6", "optimum-onnx": "0.1.0", "sentence-transformers": "5.7.0",
          "onnx": "1.23.2", "onnxruntime": "1.31.1", "onnxslim": "0.1.98", "onnxsim": "0.8.1"}

#: Half precision rounds at 5e-4 of a value; a vector's difference is a few times that after two layers.
HALF = 5e-3
LONG = [*TEXTS, "the quick brown fox jumped over the lazy dog " * 80]

MORE = {
    "mpnet": ("wordpiece", lambda v: transformers.MPNetConfig(
        vocab_size=v, max_position_embeddings=READS + 2, pad_token_id=1, **SIZES)),
    "xlmroberta": ("unigram", lambda v: transformers.XLMRobertaConfig(
        vocab_size=v, max_position_embeddings=READS + 2, type_vocab_size=1, pad_token_id=1, **SIZES)),
    "deberta": ("unigram", lambda v: transformers.DebertaV2Config(
        vocab_size=v, max_position_embeddings=READS, type_vocab_size=0, relative_attention=True, position_buckets=8,
        pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm", pad_token_id=1, **SIZES)),
    "modernbert": ("bytelevel", lambda v: transformers.ModernBertConfig(
        vocab_size=v, max_position_embeddings=READS, pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0,
        sep_token_id=2, global_attn_every_n_layers=2, local_attention=8, reference_compile=False, **SIZES)),
    # Three tasks, of which every token has the first.
    "ernie": ("wordpiece", lambda v: transformers.ErnieConfig(
        vocab_size=v, max_position_embeddings=READS, type_vocab_size=4, use_task_id=True, task_type_vocab_size=3, **SIZES)),
    "data2vec": ("bytelevel", lambda v: transformers.Data2VecTextConfig(
        vocab_size=v, max_position_embeddings=READS + 2, type_vocab_size=1, pad_token_id=1, **SIZES)),
    "prelayernorm": ("bytelevel", lambda v: transformers.RobertaPreLayerNormConfig(
        vocab_size=v, max_position_embeddings=READS + 2, type_vocab_size=1, pad_token_id=1, **SIZES)),
    "bert128": ("wordpiece", lambda v: transformers.BertConfig(vocab_size=v, max_position_embeddings=128, **SIZES)),
    "roberta514": ("bytelevel", lambda v: transformers.RobertaConfig(
        vocab_size=v, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, **SIZES)),
}
FAMILIES.update(MORE)
POOLING = {"cls", "mean", "cls_normalized", "mean_normalized"}


def model_of(family, kind="AutoModel", **config_more):
    """As the first recipe's, of any class."""
    torch.manual_seed(sum(map(ord, family)))
    config = FAMILIES[family][1](tokenizer_of(family)[1].get_vocab_size())
    config._attn_implementation = "eager"
    for key, value in config_more.items():
        setattr(config, key, value)
    model = getattr(transformers, kind).from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def published(model, family, folder):
    """A folder as save_pretrained makes it: weights, configuration, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    source, _ = tokenizer_of(family)
    shutil.copy(source, folder / "tokenizer.json")
    tokens = {"wordpiece": ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"),
              "bytelevel": ("<s>", "</s>", "<pad>", "<unk>", "<mask>"), "unigram": ("[CLS]", "[SEP]", "<pad>", "<unk>", "[MASK]")}[FAMILIES[family][0]]
    settings = dict(zip(["cls_token", "sep_token", "pad_token", "unk_token", "mask_token"], tokens),
                    tokenizer_class="PreTrainedTokenizerFast", model_max_length=model.config.max_position_embeddings)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


CASES = {}


def case(name, family="bert", *, kind="AutoModel", pooled=None, tokens=True, hidden_states=True, reads=None, fixed=(None, None),
         half=False, tolerance=None, file=False, refused=None, committed=False, texts=None, config=None):
    """The decorated function writes `path`, given the model; `scratch` is an empty folder."""
    def register(write):
        CASES[name] = dict(family=family, kind=kind, pooled=pooled, tokens=tokens, hidden_states=hidden_states, reads=reads,
                           fixed=fixed, half=half, tolerance=tolerance, file=file, refused=refused,
                           committed=committed, texts=texts or TEXTS, config=config or {}, write=write)
        return write
    return register


def make(name, folder):
    this = CASES[name]
    family = this["family"]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model = model_of(family, this["kind"], **this["config"])
    path = folder / "model.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        this["write"](copy.deepcopy(model), path, pathlib.Path(scratch))
    if not path.is_file():
        raise RuntimeError("no file was written")
    recipe.lean(path)
    source, _ = tokenizer_of(family)
    (folder / "tokenizer.json").write_bytes(source.read_bytes())
    model.config.architectures = [type(model).__name__]
    model.config.to_json_file(folder / "config.json")
    reads = this["reads"] or this["fixed"][1] or READS
    told = {"tolerance": this["tolerance"] or (HALF if this["half"] else 1e-4), "tokens": this["tokens"],
            "hidden_states": this["hidden_states"], "pooled": this["pooled"], "reads": reads, "fixed": list(this["fixed"]),
            "texts": this["texts"]}
    told |= {"half": True} if this["half"] else {}
    if this["refused"]:
        told["refused"] = this["refused"]
    else:
        recipe.TEXTS = this["texts"]
        base = getattr(model, model.base_model_prefix, model)
        answer = recipe.cut(family, base, this["pooled"], reads)
        if this["file"]:
            rerun(path, answer, this["pooled"])
        save_file({key: numpy.ascontiguousarray(value) for key, value in answer.items()}, folder / "expected.safetensors")
    (folder / "case.json").write_text(json.dumps(told, indent=1) + "\n")


def rerun(path, answer, pooled):
    """What the file itself says, in ONNX Runtime, one text at a time: the last layer and the pooled output only."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    at, tokens, vectors = 0, [], []
    for length in answer["lengths"]:
        ids = answer["input_ids"][None, at:at + length]
        at += length
        values = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
        types = {"tensor(int64)": numpy.int64, "tensor(int32)": numpy.int32}
        feed = {given.name: values[given.name].astype(types[given.type]) for given in session.get_inputs()}
        found = session.run(None, feed)
        tokens.append(next(value[0] for value in found if value.ndim == 3))
        vectors += [value[0] for value in found if value.ndim == 2][:1]
    answer["hidden_states"] = numpy.concatenate(tokens).astype(numpy.float32)[None]
    if pooled:
        answer["pooled"] = numpy.stack(vectors).astype(numpy.float32)


def adopt(made, path):
    """Takes the only `.onnx` file in a folder, its data inside."""
    found = sorted(made.rglob("*.onnx")) if made.is_dir() else [made]
    recipe.saved(path, onnx.load(str(found[-1])))


# ---- optimum

def optimum(task="feature-extraction", family="bert", library=None, **options):
    def write(model, path, scratch):
        from optimum.exporters.onnx import main_export
        from optimum.exporters.onnx.model_configs import BertOnnxConfig, RobertaOnnxConfig
        # What optimum does not know is exported as what it is like.
        like = {"ernie": BertOnnxConfig, "prelayernorm": RobertaOnnxConfig}.get(family)
        more = {"custom_onnx_configs": {"model": like(model.config, task=task)}} if like else {}
        main_export(str(published(model, family, scratch / "in")), scratch / "out", task=task, do_validation=False,
                    library_name=library, **more, **options)
        adopt(scratch / "out", path)
    return write


def after(first, then):
    """A file made from what another exporter wrote."""
    def write(model, path, scratch):
        first(model, path, scratch)
        then(path)
    return write


EXPORTED = ["bert", "albert", "distilbert", "roberta", "electra", "mpnet", "xlmroberta", "deberta", "modernbert", "ernie", "data2vec",
            "prelayernorm"]
for family in EXPORTED:
    case(f"optimum_{family}", family)(optimum(family=family))
for opset in [14, 15, 16, 18, 20, 21]:
    case(f"optimum_bert_opset{opset}", "bert")(optimum(opset=opset))
for family in ["bert", "roberta", "distilbert", "albert", "electra"]:
    for level in ["O1", "O2", "O3"]:
        # O3 takes an approximate activation, which is ALBERT's own.
        other = level == "O3" and family != "albert"
        case(f"optimum_{family}_{level}", family, file=other, hidden_states=not other,
             committed=(family, level) == ("bert", "O2"))(optimum(family=family, optimize=level))


def optimum_int8(which, family="bert", **options):
    def write(model, path, scratch):
        from optimum.onnxruntime import AutoQuantizationConfig, ORTQuantizer
        published(model, family, scratch / "plain")
        optimum(family=family)(model, scratch / "plain" / "model.onnx", scratch / "export")
        settings = getattr(AutoQuantizationConfig, which)(is_static=False, **options)
        ORTQuantizer.from_pretrained(scratch / "plain", file_name="model.onnx").quantize(scratch / "out", settings)
        adopt(scratch / "out", path)
    return write


for which in ["avx2", "avx512", "avx512_vnni", "arm64"]:
    case(f"optimum_bert_int8_{which}", file=True, hidden_states=False)(
        optimum_int8(which, per_channel=True))
case("optimum_roberta_int8_avx512_vnni", "roberta", file=True, hidden_states=False)(
    optimum_int8("avx512_vnni", "roberta", per_channel=False))
case("optimum_bert_O2_int8", file=True, hidden_states=False)(after(
    optimum(optimize="O2"), recipe.to_int8(extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})))
case("optimum_sentence", pooled="mean", hidden_states=True, tokens=True)(
    lambda model, path, scratch: sentence_export(model, path, scratch, ["mean"]))
case("optimum_sentence_normalized", pooled="cls_normalized")(
    lambda model, path, scratch: sentence_export(model, path, scratch, ["cls", "normalize"]))
case("optimum_fixed", fixed=(1, 16))(optimum(no_dynamic_axes=True, batch_size=1, sequence_length=16))

for kind, task, words in [("AutoModelForSequenceClassification", "text-classification", ["logits"]),
                          ("AutoModelForTokenClassification", "token-classification", ["logits"]),
                          ("AutoModelForMaskedLM", "fill-mask", ["logits", "vocabulary"]),
                          ("AutoModelForQuestionAnswering", "question-answering", ["start_logits"]),
                          ("AutoModelForMultipleChoice", "multiple-choice", ["input_ids"])]:
    for family in ["bert", "distilbert"]:
        case(f"head_{family}_{task.replace('-', '_')}", family, kind=kind, refused=words,
             committed=(family, task) == ("distilbert", "text-classification"))(optimum(task, family))
#: Emotions, and the entity tags of OntoNotes: as wide as a small vector.
case("head_bert_28_labels", kind="AutoModelForSequenceClassification", refused=["logits", "28"], config=dict(num_labels=28))(
    optimum("text-classification"))
case("head_bert_37_tags", kind="AutoModelForTokenClassification", refused=["logits", "37"], config=dict(num_labels=37))(
    optimum("token-classification"))


# ---- transformers.onnx, as transformers had it up to version 4

def transformers_onnx(family, opset, feature="default"):
    def write(model, path, scratch):
        from transformers.onnx import export
        from transformers.onnx.features import FeaturesManager
        _, settings = FeaturesManager.check_supported_model_or_raise(model, feature=feature)
        tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(published(model, family, scratch / "in"))
        # Its exporter was the only one of its time.
        newer, torch.onnx.export = torch.onnx.export, functools.partial(torch.onnx.export, dynamo=False)
        try:
            export(tokenizer, model, settings(model.config), opset, path)
        finally:
            torch.onnx.export = newer
    return write


for family in ["bert", "electra", "albert"]:
    pooled = "tanh" if family != "electra" else None
    case(f"transformers_{family}", family, pooled=pooled)(transformers_onnx(family, 14))
for opset in [11, 12, 13]:
    case(f"transformers_bert_opset{opset}", pooled="tanh")(transformers_onnx("bert", opset))


# ---- sentence-transformers

def sentence_folder(model, family, scratch, modules):
    from sentence_transformers import SentenceTransformer, models
    published(model, family, scratch / "hf")
    inner = models.Transformer(str(scratch / "hf"), max_seq_length=READS)
    parts = [inner]
    for module in modules:
        parts.append(models.Normalize() if module == "normalize" else models.Pooling(HIDDEN, pooling_mode=module))
    SentenceTransformer(modules=parts, device="cpu").save(str(scratch / "st"))
    return scratch / "st"


def sentence_export(model, path, scratch, modules):
    from optimum.exporters.onnx import main_export
    folder = sentence_folder(model, "bert", scratch, modules)
    main_export(str(folder), scratch / "out", task="feature-extraction", library_name="sentence_transformers",
                do_validation=False)
    adopt(scratch / "out", path)


def sentence_backend(then=None, family="bert"):
    def write(model, path, scratch):
        import sentence_transformers
        folder = sentence_folder(model, family, scratch, ["mean"])
        found = sentence_transformers.SentenceTransformer(str(folder), backend="onnx", device="cpu",
                                                          model_kwargs={"provider": "CPUExecutionProvider", "export": True})
        if then:
            then(sentence_transformers, found, str(scratch / "out"))
            adopt(scratch / "out", path)
        else:
            found.save_pretrained(str(scratch / "out"))
            adopt(scratch / "out", path)
    return write


case("sentence_backend")(sentence_backend())
case("sentence_backend_distilbert", "distilbert")(sentence_backend(family="distilbert"))
for level in ["O1", "O2", "O3"]:
    case(f"sentence_backend_{level}", file=level == "O3", hidden_states=level != "O3")(sentence_backend(
        lambda library, model, out, level=level: library.export_optimized_onnx_model(model, level, out)))
case("sentence_backend_int8", file=True, hidden_states=False)(sentence_backend(
    lambda library, model, out: library.export_dynamic_quantized_onnx_model(model, "avx512_vnni", out)))


# ---- ONNX Runtime's optimiser and weight-only quantisation

def ort_optimised(half=None, **options):
    def convert(path):
        from onnxruntime.transformers import optimizer
        found = optimizer.optimize_model(str(path), model_type="bert", num_heads=HEADS, hidden_size=HIDDEN, opt_level=0, **options)
        if half is not None:
            found.convert_float_to_float16(keep_io_types=half)
        recipe.saved(path, found.model)
    return convert


def ids_to_int32(path):
    from onnxruntime.transformers.onnx_model import OnnxModel
    from onnxruntime.transformers.onnx_model_bert import BertOnnxModel
    found = BertOnnxModel(onnx.load(str(path)), num_heads=HEADS, hidden_size=HIDDEN)
    found.change_graph_inputs_to_int32()
    recipe.saved(path, found.model)


for family in ["bert", "roberta", "distilbert"]:
    case(f"ort_{family}_gpu", family)(after(optimum(family=family), ort_optimised(use_gpu=True)))
    case(f"ort_{family}_half", family, half=True)(after(optimum(family=family), ort_optimised(half=False)))
    case(f"ort_{family}_half_keep_io", family, half=True, committed=family == "roberta")(
        after(optimum(family=family), ort_optimised(half=True, use_gpu=True)))
case("ort_bert_int32")(after(after(optimum(), ort_optimised()), ids_to_int32))


def nbits(bits, gather=False, qdq=False, **options):
    def convert(path):
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
        operators = ("MatMul", "Gather") if gather else ("MatMul",)
        settings = DefaultWeightOnlyQuantConfig(
            block_size=16, is_symmetric=not gather, accuracy_level=options.get("accuracy_level"), bits=bits,
            quant_format=QuantFormat.QDQ if qdq else QuantFormat.QOperator, op_types_to_quantize=operators,
            quant_axes=(("MatMul", 0), ("Gather", 1)))
        quantizer = MatMulNBitsQuantizer(onnx.load(str(path)), algo_config=settings)
        quantizer.process()
        recipe.saved(path, quantizer.model.model)
    return convert


case("nbits_4bit", file=True, hidden_states=False, committed=True)(after(optimum(), nbits(4)))
case("nbits_8bit", file=True, hidden_states=False)(after(optimum(), nbits(8)))
case("nbits_4bit_accuracy_4", file=True, hidden_states=False)(after(optimum(), nbits(4, accuracy_level=4)))
case("nbits_8bit_accuracy_4", file=True, hidden_states=False)(after(optimum(), nbits(8, accuracy_level=4)))
case("nbits_4bit_gather", file=True, hidden_states=False)(after(optimum(), nbits(4, gather=True)))
case("nbits_8bit_gather", file=True, hidden_states=False)(after(optimum(), nbits(8, gather=True)))
case("nbits_4bit_fused", file=True, hidden_states=False)(after(optimum(optimize="O2"), nbits(4)))
case("qdq_4bit", file=True, hidden_states=False)(after(optimum(opset=21), nbits(4, qdq=True)))
case("nbits_roberta_4bit", "roberta", file=True, hidden_states=False)(after(optimum(family="roberta"), nbits(4)))


# ---- simplifiers

def slimmed(path):
    import onnxslim
    recipe.saved(path, onnxslim.slim(onnx.load(str(path))))


def simplified(path):
    import onnxsim
    model, sound = onnxsim.simplify(onnx.load(str(path)))
    assert sound
    recipe.saved(path, model)


for family in ["bert", "roberta", "distilbert", "modernbert"]:
    case(f"onnxslim_{family}", family)(after(optimum(family=family), slimmed))
    case(f"onnxsim_{family}", family)(after(optimum(family=family), simplified))


# ---- the files of transformers.js: optimum's, made slim, in half precision, in 8 and in 4 bits

def slim_half(path):
    from onnxruntime.transformers import float16
    # A cast that is not left as it was makes a file that does not load.
    left = [*float16.DEFAULT_OP_BLOCK_LIST, "Cast"]
    recipe.saved(path, float16.convert_float_to_float16(onnx.load(str(path)), keep_io_types=True, op_block_list=left))


def slim_8_bits(kind):
    def convert(path):
        from onnxruntime.quantization import QuantType, quantize_dynamic
        plain = path.with_name("plain.onnx")
        path.rename(plain)
        quantize_dynamic(str(plain), str(path), weight_type=getattr(QuantType, kind), per_channel=True, reduce_range=True,
                         extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True})
        plain.unlink()
    return convert


def slim_4_bits(path):
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    quantizer = MatMulNBitsQuantizer(onnx.load(str(path)), block_size=32, is_symmetric=True)
    quantizer.process()
    recipe.saved(path, quantizer.model.model)


def slim_4_bits_half(path):
    slim_4_bits(path)
    slim_half(path)


def slim_bnb4(path):
    from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
    quantizer = MatMulBnb4Quantizer(onnx.load(str(path)), quant_type=MatMulBnb4Quantizer.NF4, block_size=64)
    quantizer.process()
    recipe.saved(path, quantizer.model.model)


for family in EXPORTED:
    slim = after(optimum(family=family), slimmed)
    case(f"js_{family}", family)(slim)
    # MPNet's takes logarithms of distances in half precision, and long ones fall into other buckets.
    other = family == "mpnet"
    case(f"js_{family}_fp16", family, half=True, file=other, hidden_states=not other, committed=family == "modernbert")(after(slim, slim_half))
    as_given = dict(family=family, file=True, hidden_states=False)
    case(f"js_{family}_int8", **as_given)(after(slim, slim_8_bits("QInt8")))
    case(f"js_{family}_uint8", **as_given)(after(slim, slim_8_bits("QUInt8")))
    case(f"js_{family}_q4", **as_given)(after(slim, slim_4_bits))
    case(f"js_{family}_q4f16", **as_given, half=True)(after(slim, slim_4_bits_half))
    case(f"js_{family}_bnb4", **as_given, committed=family == "distilbert")(after(slim, slim_bnb4))


# ---- other inputs and outputs

class Shaped(torch.nn.Module):
    """Calls `call(model, *inputs)`."""

    def __init__(self, model, call):
        super().__init__()
        self.model, self.call = model, call

    def forward(self, *inputs):
        return self.call(self.model, *inputs)


def shaped(call, inputs, outputs, exporter="ts", fixed=None, opset=None, dtype=None):
    """`inputs`: names with their element types; `outputs`: names with their number of axes."""
    def write(model, path, scratch):
        torch.manual_seed(1)
        batch, seq = fixed or (2, 7)
        def example(name, kind):
            if name == "input_ids":
                return torch.randint(4, 100, (batch, seq)).to(kind)
            if name == "position_ids":
                return torch.arange(seq).expand(batch, seq).to(kind)
            return (torch.zeros if name == "token_type_ids" else torch.ones)(batch, seq).to(kind)
        examples = tuple(example(name, kind) for name, kind in inputs.items())
        wrapped = Shaped(model.to(dtype) if dtype else model, call)
        names, given = list(inputs), list(outputs)
        if exporter == "ts":
            axes = {name: {0: "batch", 1: "seq"} for name in names} | {
                name: dict(list({0: "batch", 1: "seq"}.items())[:max(rank - 1, 1)]) for name, rank in outputs.items()}
            torch.onnx.export(wrapped, examples, str(path), dynamo=False, opset_version=opset or 17, input_names=names,
                              output_names=given, dynamic_axes={} if fixed else axes)
        else:
            free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
            torch.onnx.export(wrapped, examples, str(path), dynamo=True, opset_version=opset or 18, input_names=names,
                              output_names=given, dynamic_shapes=None if fixed else (tuple(free for _ in examples),),
                              external_data=False, verbose=False)
    return write


def plain(model, ids, mask, types=None):
    return model(input_ids=ids, attention_mask=mask, token_type_ids=types)


IDS, MASK, TYPES = {"input_ids": torch.int64}, {"attention_mask": torch.int64}, {"token_type_ids": torch.int64}
TOKENS = {"last_hidden_state": 3}
for name, kind in [("float", torch.float32), ("bool", torch.bool), ("half", torch.float16)]:
    case(f"mask_{name}")(shaped(
        lambda model, ids, mask: plain(model, ids, mask.to(torch.int64)).last_hidden_state,
        IDS | {"attention_mask": kind}, TOKENS))
    case(f"mask_{name}_dynamo")(shaped(
        lambda model, ids, mask: plain(model, ids, mask.to(torch.int64)).last_hidden_state,
        IDS | {"attention_mask": kind}, TOKENS, "dynamo"))
case("positions_bert")(shaped(
    lambda model, ids, mask, types, places: model(
        input_ids=ids, attention_mask=mask, token_type_ids=types, position_ids=places).last_hidden_state,
    IDS | MASK | TYPES | {"position_ids": torch.int64}, TOKENS))
case("positions_roberta", "roberta")(shaped(
    lambda model, ids, mask, places: model(input_ids=ids, attention_mask=mask, position_ids=places).last_hidden_state,
    IDS | MASK | {"position_ids": torch.int64}, TOKENS))
case("fixed_1_128", "bert128", fixed=(1, 128), texts=LONG, pooled="tanh")(shaped(
    lambda model, ids, mask, types: (lambda out: (out.last_hidden_state, out.pooler_output))(
        plain(model, ids, mask, types)), IDS | MASK | TYPES,
    TOKENS | {"pooler_output": 2}, fixed=(1, 128)))
for exporter in ["ts", "dynamo"]:
    case(f"roberta_514_{exporter}", "roberta514", reads=512, texts=LONG)(shaped(
        lambda model, ids, mask: plain(model, ids, mask).last_hidden_state, IDS | MASK, TOKENS, exporter))
    case(f"stray_masked_lm_{exporter}", kind="AutoModelForMaskedLM")(shaped(
        lambda model, ids, mask, types: (lambda out: (out.logits, out.hidden_states[-1]))(
            model(input_ids=ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True)),
        IDS | MASK | TYPES, {"logits": 3, "hidden": 3}, exporter))
    case(f"stray_label_{exporter}", kind="AutoModelForSequenceClassification", config=dict(num_labels=28))(shaped(
        lambda model, ids, mask, types: (lambda out: (out.logits, out.hidden_states[-1]))(
            model(input_ids=ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True)),
        IDS | MASK | TYPES, {"logits": 2, "hidden": 3}, exporter))
    case(f"stray_tags_{exporter}", kind="AutoModelForTokenClassification", config=dict(num_labels=37))(shaped(
        lambda model, ids, mask, types: (lambda out: (out.logits, out.hidden_states[-1]))(
            model(input_ids=ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True)),
        IDS | MASK | TYPES, {"logits": 3, "hidden": 3}, exporter))
    case(f"stray_attentions_{exporter}", pooled="tanh")(shaped(
        lambda model, ids, mask, types: (lambda out: (out.attentions[0], ids + 0, mask.to(torch.float32),
                                                      out.pooler_output, out.last_hidden_state, out.attentions[1]))(
            model(input_ids=ids, attention_mask=mask, token_type_ids=types, output_attentions=True)),
        IDS | MASK | TYPES, {"a": 4, "ids": 2, "mask": 2, "461": 2, "462": 3, "b": 4} if exporter == "dynamo" else
        {"a": 4, "ids": 2, "mask_out": 2, "p": 2, "t": 3, "b": 4}, exporter))
    #: Dense, sparse and per-token vectors from one file: a weight for each token is no vector.
    case(f"stray_sparse_{exporter}", pooled="cls_normalized")(shaped(
        lambda model, ids, mask: (lambda h: (torch.nn.functional.normalize(h[:, 0], dim=-1), h.sum(-1, keepdim=True).relu(), h))(
            plain(model, ids, mask).last_hidden_state), IDS | MASK, {"dense": 2, "sparse": 3, "tokens": 3}, exporter))
    case(f"bfloat16_{exporter}", refused=["bfloat16", "float32"])(shaped(
        lambda model, ids, mask: plain(model, ids, mask).last_hidden_state, IDS | MASK, TOKENS, exporter, dtype=torch.bfloat16))
    case(f"two_readings_{exporter}", refused=["a", "b", "last_hidden_state"])(shaped(
        lambda model, ids, mask: (lambda h: (h * 2 + 1, torch.nn.functional.normalize(h, dim=-1)))(
            plain(model, ids, mask).last_hidden_state), IDS | MASK, {"a": 3, "b": 3}, exporter))


def main(arguments):
    for package, wanted in PINNED.items():
        found = importlib.metadata.version(package).split("+")[0]
        if found != wanted:
            sys.exit(f"{package} is {found}, and the files were made with {wanted}")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
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
            print(failed[-1], flush=True)
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    print(f"{len(jobs) - len(failed)} made, {len(failed)} could not be made", *failed, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
