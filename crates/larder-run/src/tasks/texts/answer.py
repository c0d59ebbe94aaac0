import json, numpy, onnxruntime, tokenizers

folder = "."
config = json.load(open(f"{folder}/config.json", encoding="utf-8"))
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
options = onnxruntime.SessionOptions()
# Products of bytes are exact on x86 processors without VNNI too; nothing else changes.
options.add_session_config_entry("session.x64quantprecision", "1")
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])

def answer(texts):
    rows = tokenizer.encode_batch(texts)
    given = {"input_ids": [row.ids for row in rows], "attention_mask": [row.attention_mask for row in rows],
             "token_type_ids": [row.type_ids for row in rows]}
    feed = {port.name: numpy.array(given[port.name], numpy.int64) for port in session.get_inputs()}
