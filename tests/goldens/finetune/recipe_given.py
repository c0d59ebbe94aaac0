"""Makes the goldens of graphs that are trained as they were given: tiny random encoders of families that larder does not build or
recognise, as exporters write them, and twenty steps of PyTorch on each.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.23.0 onnx==1.23.2 onnxruntime==1.31.1 onnxscript==0.7.2 \
        onnxconverter-common==1.16.0 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python tests/goldens/finetune/recipe_given.py [NAME]

Written into the folder `given`, for each of `CASES`: `<name>.onnx`, and `<name>.safetensors` with

- `input_ids` and `attention_mask` int64 [20, seq], `labels` int64 [20];
- the head as it starts, `classifier.weight` [classes, hidden] and `classifier.bias` [classes];
- `losses` and `norms` [20], the loss of each step's batch before the step and the norm of all gradients before clipping;
- `before` and `after` [5, seq, hidden]: the last hidden states of the first five rows before the first step and after the last,
  zero at padding;
- `elements` int64 [1]: the number of numbers that were trained, the head's left out.

The head is linear on the mean of the last hidden states. Batches are five rows in file order, padded to the longest of all rows, the whole
file five times over. AdamW at a constant rate of 1e-3, with a decay of 0.01 for what has two axes or more; gradients clipped to
a norm of 1; no dropout. Everything in float32, in one thread, with the eager attention. Files in half precision or in integers are
trained from the weights that they hold, so PyTorch has those too.
"""

import pathlib
import sys
import warnings

import numpy
import onnx
import torch
import transformers
from onnx import numpy_helper
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent / "given"
PINNED = {"torch": ("2.15.0", torch.__version__), "transformers": ("5.23.0", transformers.__version__)}
# As many tokens as `tests/goldens/tokens/wordpiece.json` has, with which tests of the whole add these files.
CLASSES, ROWS, BATCH, STEPS, VOCABULARY = 3, 20, 5, 20, 145

SMALL = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
             max_position_embeddings=40)
# The model, its configuration, the exporter and its operator set, and what is done to the file then.
CASES = {
    "t5": (transformers.T5EncoderModel,
           transformers.T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2,
                                 relative_attention_num_buckets=8, relative_attention_max_distance=12, dropout_rate=0.0),
           ("ts", 17), None),
    "deberta_v2": (transformers.DebertaV2Model,
                   transformers.DebertaV2Config(**SMALL, relative_attention=True, position_buckets=4, norm_rel_ebd="layer_norm",
                                                share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False,
                                                type_vocab_size=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
                   ("dynamo", 18), None),
    "megatron_bert_opset_11": (transformers.MegatronBertModel,
                               transformers.MegatronBertConfig(**SMALL, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
                               ("ts", 11), None),
    "squeezebert": (transformers.SqueezeBertModel,
                    transformers.SqueezeBertConfig(**SMALL, embedding_size=16, q_groups=2, k_groups=2, v_groups=2,
                                                   intermediate_groups=2, output_groups=2, hidden_dropout_prob=0.0,
                                                   attention_probs_dropout_prob=0.0),
                    ("ts", 17), None),
    "convbert": (transformers.ConvBertModel,
                 transformers.ConvBertConfig(**SMALL | dict(num_attention_heads=4), embedding_size=8, conv_kernel_size=3, head_ratio=2,
                                             hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
                 ("ts", 17), None),
    "qwen3": (transformers.Qwen3Model,
              transformers.Qwen3Config(**SMALL, num_key_value_heads=1, head_dim=8, use_cache=False),
              ("dynamo", 18), None),
    "mobilebert_half": (transformers.MobileBertModel,
                        transformers.MobileBertConfig(**SMALL, embedding_size=8, intra_bottleneck_size=8, true_hidden_size=8,
                                                      num_feedforward_networks=2, hidden_dropout_prob=0.0,
                                                      attention_probs_dropout_prob=0.0),
                        ("ts", 17), "half"),
    "roberta_prelayernorm_int8": (transformers.RobertaPreLayerNormModel,
                                  transformers.RobertaPreLayerNormConfig(**SMALL, type_vocab_size=1, pad_token_id=1,
                                                                         hidden_dropout_prob=0.0,
                                                                         attention_probs_dropout_prob=0.0),
                                  ("ts", 17), "int8"),
}


class Tokens(torch.nn.Module):
    """Ids and mask in, the last hidden states out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def export(model, path, exporter, opset):
    ids = torch.randint(5, VOCABULARY, (2, 7))
    mask = torch.ones_like(ids)
    mask[-1, 5:] = 0
    names, out = ["input_ids", "attention_mask"], ["last_hidden_state"]
    if exporter == "ts":
        axes = {name: {0: "batch", 1: "seq"} for name in names + out}
        torch.onnx.export(Tokens(model), (ids, mask), str(path), dynamo=False, opset_version=opset, input_names=names,
                          output_names=out, dynamic_axes=axes)
    else:
        free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        torch.onnx.export(Tokens(model), (ids, mask), str(path), dynamo=True, opset_version=opset, input_names=names,
                          output_names=out, dynamic_shapes=(free, free), external_data=False, verbose=False)
    file = onnx.load(str(path))
    # Notes about the exporting machine's source files.
    for node in file.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for value in [*file.graph.value_info, *file.graph.input, *file.graph.output]:
        del value.metadata_props[:]
    onnx.save(file, str(path))


def halved(path):
    from onnxconverter_common import float16
    file = float16.convert_float_to_float16(onnx.load(str(path)), keep_io_types=True)
    del file.graph.value_info[:]
    onnx.save(file, str(path))


def quantised(path):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    plain = path.with_name("plain.onnx")
    path.rename(plain)
    quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, per_channel=True)
    plain.unlink()


def take_integers(model, path):
    """Gives the model the weights that a quantised file holds: each is nearest to the one that it was made from."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(path)).graph.initializer}
    for name, integers in stored.items():
        if not name.endswith("_quantized"):
            continue
        stem = name.removesuffix("_quantized")
        zero, scale = stored[f"{stem}_zero_point"], stored[f"{stem}_scale"]
        floats = torch.tensor((integers.astype(numpy.float32) - zero.astype(numpy.float32)) * scale)
        ways = [(parameter, turned) for parameter in model.parameters() if parameter.dim() == 2
                for turned in (floats, floats.T) if parameter.shape == turned.shape]
        parameter, turned = min(ways, key=lambda way: (way[0] - way[1]).abs().max().item())
        assert (parameter - turned).abs().max() < 0.01, name
        parameter.copy_(turned)


def make(name):
    model_class, config, (exporter, opset), change = CASES[name]
    torch.manual_seed(sum(map(ord, name)))
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            centre = 1.0 if parameter.dim() == 1 and "weight" in key else 0.0
            parameter.copy_(centre + 0.2 * torch.randn(parameter.shape))
            if change == "half":
                parameter.copy_(parameter.half().float())
    path = HERE / f"{name}.onnx"
    export(model, path, exporter, opset)
    if change == "half":
        halved(path)
    elif change == "int8":
        quantised(path)
        with torch.no_grad():
            take_integers(model, path)

    lengths = torch.randint(3, 17, (ROWS,)).tolist()
    ids = torch.full((ROWS, max(lengths)), getattr(config, "pad_token_id", None) or 0)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(5, VOCABULARY, (length,))
        mask[row, :length] = 1
    labels = torch.randint(0, CLASSES, (ROWS,))
    hidden = model(ids[:1], attention_mask=mask[:1]).last_hidden_state.shape[-1]
    head = torch.nn.Linear(hidden, CLASSES)
    kept = {"input_ids": ids, "attention_mask": mask, "labels": labels, "classifier.weight": head.weight.detach().clone(),
            "classifier.bias": head.bias.detach().clone()}

    def states(rows):
        # One text at a time: padding must not matter, and in some families of transformers it does.
        found = torch.zeros(len(rows), ids.shape[1], hidden)
        outs = []
        for place, row in enumerate(rows):
            length = lengths[row]
            outs.append(model(ids[row:row + 1, :length], attention_mask=mask[row:row + 1, :length]).last_hidden_state[0])
        return outs, found

    def shown(rows):
        with torch.no_grad():
            outs, found = states(rows)
        for place, out in enumerate(outs):
            found[place, :out.shape[0]] = out
        return found

    parameters = [*model.named_parameters(), *head.named_parameters()]
    kept["before"] = shown(range(BATCH))
    groups = [{"params": [p for _, p in parameters if p.dim() > 1], "weight_decay": 0.01},
              {"params": [p for _, p in parameters if p.dim() <= 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    losses, norms = [], []
    for step in range(STEPS):
        rows = [(step * BATCH + place) % ROWS for place in range(BATCH)]
        outs, _ = states(rows)
        logits = head(torch.stack([out.mean(0) for out in outs]))
        loss = torch.nn.functional.cross_entropy(logits, labels[rows])
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_([p for _, p in parameters if p.grad is not None], 1.0).item())
        losses.append(loss.item())
        optimizer.step()
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms), "after": shown(range(BATCH))}
    trained = sum(p.numel() for p in model.parameters() if p.grad is not None)
    kept["elements"] = torch.tensor([trained])
    save_file({key: tensor.contiguous() for key, tensor in kept.items()}, HERE / f"{name}.safetensors")
    print(name, trained, [round(loss, 4) for loss in losses[::5]], path.stat().st_size,
          sorted({node.op_type for node in onnx.load(str(path)).graph.node}))


if __name__ == "__main__":
    for name, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{name} is {found}; the goldens are made with {wanted}")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    HERE.mkdir(exist_ok=True)
    for name in sys.argv[1:] or CASES:
        make(name)
