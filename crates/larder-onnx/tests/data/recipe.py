"""Makes the files of this folder. Run by hand, in a virtual environment, when they must change:

    python -m venv venv
    venv/bin/pip install onnx==1.23.2 torch==2.15.0 transformers==5.23.0
    venv/bin/python crates/larder-onnx/tests/data/recipe.py

- `onnx_fields.json`: every field of every message of `onnx.proto`: [message, number, name, type, repeated, packed, oneof];
  and every value of every enumeration: [enumeration, name, number];
- `every_field.onnx`: a message with every one of these fields set, as protobuf's own encoder writes it;
- `torchscript.onnx`: a tiny random BERT as `torch.onnx.export(dynamo=False)` writes it;
- `oddly_named.onnx`: the same without token types, with its integer inputs among the outputs, and no names given.
"""

import json
import pathlib

import onnx
import onnx.onnx_pb
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
FILE = onnx.onnx_pb.ModelProto.DESCRIPTOR.file
FIELD = type(FILE.message_types_by_name["ModelProto"].fields[0])
TYPES = {getattr(FIELD, name): name[5:].lower() for name in dir(FIELD) if name.startswith("TYPE_")}


def messages(kinds):
    for kind in kinds:
        yield kind
        yield from messages(kind.nested_types)


def short(kind):
    return kind.full_name.removeprefix("onnx.")


def fields():
    table, enums = [], []
    kinds = list(messages(FILE.message_types_by_name.values()))
    for kind in kinds:
        for field in kind.fields:
            target = field.message_type or field.enum_type
            oneof = field.containing_oneof.name if field.containing_oneof else ""
            table.append([short(kind), field.number, field.name, short(target) if target else TYPES[field.type],
                          field.is_repeated, field.is_packed, oneof])
    for enum in [e for kind in kinds for e in kind.enum_types] + [FILE.enum_types_by_name["OperatorStatus"]]:
        enums += [[short(enum), value.name, value.number] for value in enum.values]
    rows = ",\n".join(map(json.dumps, table)), ",\n".join(map(json.dumps, enums))
    (HERE / "onnx_fields.json").write_text('{"fields": [\n%s\n], "enums": [\n%s\n]}\n' % rows)


def fill(message, depth=0, kinds=()):
    """Sets every field; messages inside themselves once. A repeated field gets two values; the second of a message is
    empty. Of a oneof, the choice goes round by depth."""
    kind = message.DESCRIPTOR.full_name
    chosen = {oneof.name: oneof.fields[(depth + len(kinds)) % len(oneof.fields)].name for oneof in message.DESCRIPTOR.oneofs}
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof and chosen[field.containing_oneof.name] != field.name:
            continue
        if field.message_type:
            if kinds.count(field.message_type.full_name) > 1 or len(kinds) > 7:
                continue
            if field.is_repeated:
                inner = getattr(message, field.name).add()
                getattr(message, field.name).add()
            else:
                inner = getattr(message, field.name)
                inner.SetInParent()
            fill(inner, field.number, (*kinds, kind))
            continue
        value = {"string": f"{field.name}ü", "bytes": bytes([0, 255, field.number]), "float": field.number + 0.5,
                 "double": field.number + 0.25, "enum": 1, "int32": -field.number, "int64": -(2**40) - field.number,
                 "uint64": 2**63 + field.number}[TYPES[field.type]]
        if field.is_repeated:
            getattr(message, field.name).extend([value, value])
        else:
            setattr(message, field.name, value)


def one_of_each():
    """`fill` meets each message at one oneof choice or another; the types are added in full."""
    model = onnx.ModelProto()
    fill(model)
    for name in ["tensor_type", "sequence_type", "map_type", "optional_type", "sparse_tensor_type", "opaque_type"]:
        kind = model.graph.value_info.add().type
        inner = getattr(kind, name)
        inner.SetInParent()
        fill(inner, 1, ("onnx.TypeProto",))
    for dimension in [{"dim_value": 7}, {"dim_param": "n"}, {}]:
        model.graph.value_info[-6].type.tensor_type.shape.dim.add(**dimension)
        model.graph.node[0].device_configurations[0].sharding_spec[0].sharded_dim[0].simple_sharding.add(**dimension)
    (HERE / "every_field.onnx").write_bytes(model.SerializeToString(deterministic=True))


class Plain(torch.nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, ids, mask, types):
        out = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types)
        return out.last_hidden_state, out.pooler_output


class Odd(Plain):
    def forward(self, ids, mask):
        out = self.bert(input_ids=ids, attention_mask=mask)
        return ids + 0, mask + 0, out.last_hidden_state, out.pooler_output


def exports():
    torch.manual_seed(3)
    config = transformers.BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                                     intermediate_size=24, max_position_embeddings=20, initializer_range=0.3)
    bert = transformers.BertModel(config).eval()
    ids = torch.randint(1, 60, (2, 7))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    types = torch.zeros_like(ids)
    axes = {0: "batch", 1: "seq"}
    for name, model, inputs in [("torchscript", Plain(bert), (ids, mask, types)), ("oddly_named", Odd(bert), (ids, mask))]:
        names = {}
        if name == "torchscript":
            names = dict(input_names=["input_ids", "attention_mask", "token_type_ids"],
                         output_names=["last_hidden_state", "pooler_output"],
                         dynamic_axes=dict.fromkeys(["input_ids", "attention_mask", "token_type_ids", "last_hidden_state"], axes))
        else:
            names = dict(input_names=["x", "y"], dynamic_axes={"x": axes, "y": axes})
        torch.onnx.export(model, inputs, HERE / f"{name}.onnx", dynamo=False, opset_version=17, **names)
        stripped = onnx.load(HERE / f"{name}.onnx")
        for node in stripped.graph.node:
            node.ClearField("doc_string")
        onnx.save(stripped, HERE / f"{name}.onnx")


if __name__ == "__main__":
    fields()
    one_of_each()
    exports()
