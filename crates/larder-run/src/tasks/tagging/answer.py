import json, numpy, onnxruntime, tokenizers

folder = "."
config = json.load(open(f"{folder}/config.json", encoding="utf-8"))
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
options = onnxruntime.SessionOptions()
# Products of bytes are exact on x86 processors without VNNI too; nothing else changes.
options.add_session_config_entry("session.x64quantprecision", "1")
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
start, transitions = (numpy.nan_to_num(numpy.array(config["larder"][key], float), nan=-numpy.inf)
                      for key in ("start", "transitions"))

def answer(words):
    encode = lambda words, special: tokenizer.encode(words, is_pretokenized=True, add_special_tokens=special)
    row = encode(@WORDS@, True)
    if len(row.ids) > config["larder"]["max_tokens"]:
        raise ValueError("more tokens than the encoder reads: cut the sentence, or use larder, which reads windows")
    given = {"input_ids": [row.ids], "attention_mask": [row.attention_mask], "token_type_ids": [row.type_ids]}
    feed = {port.name: numpy.array(given[port.name], numpy.int64) for port in session.get_inputs()}
    @OUTPUTS@ = (output[0].astype(float) for output in session.run(@NAMES@, feed))
    tokens = {}
    for token, word in enumerate(row.word_ids):
        tokens.setdefault(word, []).append(token)
    @NEAREST@scores = [@SCORE@ for word in range(len(words))]
    # The best legal sequence (Viterbi).
    best, back = start + scores[0], []
    for score in scores[1:]:
        paths = best[:, None] + transitions
        back.append(paths.argmax(0))
        best = paths.max(0) + score
    tags = [best.argmax()]
    for pointers in reversed(back):
        tags.insert(0, pointers[tags[0]])
    return [config["id2label"][str(tag)] for tag in tags]
