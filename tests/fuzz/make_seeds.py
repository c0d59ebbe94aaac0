"""Makes `seeds/`: small inputs that larder accepts, from which the fuzzer starts.

    pip install pyarrow==26.0.1
    python tests/fuzz/make_seeds.py --larder target/release/larder

Most of them larder writes itself, about a dozen sentences and an encoder with a hidden size of 16. `seeds/*/found-*` are
inputs that once upset a reader; they are kept by hand.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import pyarrow
import pyarrow.parquet

HERE = pathlib.Path(__file__).resolve().parent
ENCODER = HERE.parent / "exports/optimum_bert_O2"
WORDS = "red blue green fast slow tall short old".split()


def lines(*rows):
    return "".join(f"{row}\n" for row in rows)


def head(columns, rows):
    return lines(",".join(columns), *(",".join(row) for row in rows))


DATA = {
    "seq.csv": head(["text", "label"], [(f"a {w} house", "no yes".split()[i % 2]) for i, w in enumerate(WORDS * 2)]),
    "pair.csv": head(["text", "text_b", "label"], [(f"a {w}", f"b {i}", "no yes".split()[i % 2]) for i, w in enumerate(WORDS * 2)]),
    "num.csv": head(["text", "target"], [(f"a {w} house", f"{i % 5}.5") for i, w in enumerate(WORDS * 2)]),
    "multi.jsonl": lines(*(json.dumps({"text": f"a {w}", "labels": [["x"], ["y"], ["x", "y"], []][i % 4]}) for i, w in enumerate(WORDS * 2))),
    "tag.conll": lines(*(f"Ada B-PER\nsaw O\n{w} B-LOC\ntown I-LOC\n" for w in WORDS * 2)),
}
SETS = {
    "seq": ("sequence", "csv", 'text = "text"\nlabel = "label"'),
    "pair": ("sequence", "csv", 'text = "text"\ntext_b = "text_b"\nlabel = "label"'),
    "num": ("regression", "csv", 'text = "text"\ntarget = "target"'),
    "multi": ("multilabel", "jsonl", 'text = "text"\nlabels = "labels"'),
    "tag": ("tagging", "conll", "words = 0\ntags = 1"),
}

# One for each description of `targets/rows.rs`, in its order.
ROWS = [
    'text,label\na,x\n"b, ""c""\nd",y\n\ne,x\n',
    "one;two;x\n'a';\"b;c\";y\n",
    "x\ta b\ny\tc \"d\nx\te\n",
    'id\ttext\tlabel\n1\t"a\tb"\tx\n2\tc\ty\n',
    "text,labels\na,x|y\nb,\nc,y\n",
    "text,a,b\none,1,0\ntwo,no,yes\nthree,true,False\n",
    "text,target\na,1\nb,2.5\nc,5e0\n",
    '{"text": "a", "label": "x", "id": 1}\n{"text": "b\\u00e9", "label": 2, "id": "k"}\n\n{"text": "c", "label": true}\n',
    '{"text": "a", "other": "b", "labels": ["x", "y"]}\n{"text": "c", "other": "d", "labels": []}\n',
    '{"text": "a", "target": 1.5}\n{"text": "b", "target": -2}\n',
    '{"words": ["Ada", "waits"], "tags": ["B-PER", "O"]}\n{"words": ["x"], "tags": ["O"]}\n',
    '{"text": "Ada saw Oslo", "spans": [{"start": 0, "end": 3, "label": "PER"}, [8, 12, "LOC"]]}\n',
    '{"text": "\\u6771\\u4eac a", "spans": [{"start": 0, "end": 2, "label": "LOC"}]}\n',
    "-DOCSTART- O\n\nAda B-PER\nwaits O\n\n# a comment\n1-2 O\nOslo B-LOC\ntown I-LOC\n",
    "B-PER Ada\nE-PER Lovelace\nO waits\n\nS-LOC Oslo\n",
    "TOKEN\tPOS\tNE\nAda\tN\tB-PER\nLovelace\tN\tL-PER\n\nOslo\tN\tU-LOC\n",
    "Ada PER-I\nwaits 0\n\noslo LOC-I\nlima LOC-B\n",
    "Ada PER\nLovelace PER\nwaits O\n",
    "sentence,word,tag\nSentence: 1,Ada,B-PER\n,waits,O\nSentence: 2,Oslo,B-LOC\n",
    "sentence\tword\ttag\n1\tAda\tB\n1\tLovelace\tI\n2\tOslo\tB\n",
    b"na\xefve text\nplain text\n",
    '{"text": "a"}\n{"text": "b"}\n'.encode("utf-16"),
]
DESCRIPTIONS = [
    *(f'name = "{name}"\ntask = "{task}"\nformat = "{form}"\n[columns]\n{columns}\n[splits]\ntrain = "{name}.{form}"\n'
      for name, (task, form, columns) in SETS.items()),
    "name='s'\ntask='sequence'\nformat='tsv'\nheader=false\nquoting=false\n[columns]\ntext=3\nlabel=1\n[labels]\n"
    "names=['0','1']\ndisplay=['bad','good']\n[splits]\ntrain='$DATA/a.tsv'\ndev=['b-*.tsv','c.tsv']\n",
    "name='s'\ntask='tagging'\nformat='conll'\nscheme='BILOU'\nseparator='tab'\nheader=true\n[columns]\nwords='TOKEN'\ntags='NE'\n"
    "[tags]\nmark='last'\nseparator='_'\noutside='0'\nlowercase=true\nnames=['O','B-x']\n[splits]\ntrain='a'\n",
    "name='s'\ntask='tagging'\nformat='jsonl'\nsplit_text='characters'\nencoding='latin1'\n[columns]\ntext='t'\nspans='s'\n[splits]\ntrain='a'\n",
    "name='s'\ntask='multilabel'\nformat='csv'\nseparator=';'\n[columns]\ntext='t'\nlabels=['a','b']\nid=0\n[splits]\ntrain='a'\n",
    "name='s'\ntask='regression'\nformat='parquet'\n[columns]\ntext='t'\ntarget='n'\n[target]\nminimum=0\nmaximum=5.5\n[splits]\ntrain='a'\n",
]
SCORED = "Ada B-PER B-PER\nLovelace I-PER O\nwaits O O\n\nOslo B-LOC _\n# 1\ntown I-LOC I-PER\n"
NAMES = [
    "hf:org/model@v1.0", "hf:model", "s3://bucket/prefix/plans/00ff.json", "file:///srv/a%20b", "/srv/store/manifests/ab.json",
    "plans/ab.json", "column", "3", "intents-encoder-1", "data.jsonl.gz",
]


class Seeds:
    """Writes into `seeds/`, whatever was made before removed."""

    def __init__(self):
        for old in (HERE / "seeds").glob("*/*"):
            if not old.name.startswith("found-"):
                old.unlink()

    def add(self, target, name, content):
        path = HERE / "seeds" / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def plain(text, folder):
    """The JSON in few bytes, without its checksum and the names of this machine's folders."""

    def short(value):
        if isinstance(value, list):
            return [short(entry) for entry in (value[:2] if isinstance(value[0] if value else None, dict) else value)]
        if isinstance(value, dict):
            return {key: short(entry) for key, entry in value.items() if key != "checksum"}
        return value

    return json.dumps(short(json.loads(text)), separators=(",", ":")).replace(str(folder), "/data").encode()


def unsealed(parquet):
    """The Parquet file without larder's section of checksums."""
    length = struct.unpack("<I", parquet[-8:-4])[0] + 8
    footer = len(parquet) - length
    assert parquet[footer - 8 : footer] == b"LARDERCS"
    covered = struct.unpack("<Q", parquet[footer - 24 : footer - 16])[0]
    return parquet[:covered] + parquet[footer:]


def safetensors(name, numbers):
    header = json.dumps({name: {"dtype": "F64", "shape": [len(numbers)], "data_offsets": [0, 8 * len(numbers)]}}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(numbers)}d", *numbers)


def by_larder(seeds, larder, folder):
    """What larder writes: tokens, features, runs, plans."""

    def run(*arguments):
        subprocess.run([larder, *map(str, arguments)], cwd=folder, check=True, capture_output=True,
                       env={**os.environ, "LARDER_HOME": str(folder / "home")})

    run("encoder", "add", ENCODER, "--name", "tiny")
    for name, content in DATA.items():
        (folder / name).write_text(content)
    for (name, _), toml in zip(SETS.items(), DESCRIPTIONS):
        (folder / f"{name}.toml").write_text(toml)
        run("run", f"{name}.toml", "--encoder", "tiny", "--run", name)
        run("eval", name, "--split", "train")
    run("train", "seq.toml", "--encoder", "tiny", "--run", "mlp", "--head", "mlp", "--hidden", "3")
    run("eval", "mlp", "--split", "train")
    run("train", "tag.toml", "--encoder", "tiny", "--run", "crf", "--head", "crf")
    run("run", "pair.toml", "--encoder", "tiny", "--run", "apart", "--pair-features")
    home = folder / "home"
    for place in sorted((home / "runs").iterdir()):
        texts = [plain((place / name).read_text(), folder) for name in ("run.json", "metrics.json") if (place / name).exists()]
        seeds.add("run", place.name, b"\0".join(texts))
        if place.name in ("num", "tag"):
            seeds.add("run", f"{place.name}-diagnosis", texts[0] + b"\0" + plain((place / "diagnosis.json").read_text(), folder))
        numbers = re.sub(rb"larder-blake3:[0-9a-f]{64}", lambda found: b"x" * len(found[0]), (place / "head.safetensors").read_bytes())
        seeds.add("head", place.name, plain((place / "head.json").read_text(), folder) + b"\0" + numbers)
    for place in sorted((home / "tokens").glob("*/tiny/*.parquet")):
        name = place.parent.parent.name
        # All columns, checksums put in by the target.
        seeds.add("tokens", name, b"\7" + unsealed(place.read_bytes()))
        seeds.add("tokens", f"{name}-encode", b"\1" + unsealed(place.read_bytes()))
        seeds.add("inspect", f"tokens-{name}", b"\1" + unsealed(place.read_bytes()))
        if name == "tag":
            seeds.add("tokens", f"{name}-words", b"\3" + unsealed(place.read_bytes()))
        if name == "pair":
            seeds.add("tokens", f"{name}-alone", b"\5" + unsealed(place.read_bytes()))
    for place in sorted((home / "features").glob("*/tiny/*/*.parquet")):
        name = place.parent.parent.parent.name
        seeds.add("features", name, b"\1" + unsealed(place.read_bytes()))
        seeds.add("inspect", f"features-{name}", b"\1" + unsealed(place.read_bytes()))
    run("encode", "seq.toml", "--encoder", "tiny", "--dtype", "f16", "--layers", "all", "--pool", "cls,mean")
    run("encode", "seq.toml", "--encoder", "tiny", "--level", "token")
    for place in sorted((home / "features/seq/tiny").glob("*/*.parquet")):
        seeds.add("features", f"seq-{place.parent.name}", b"\1" + unsealed(place.read_bytes()))
    for name in ("seq", "tag"):
        printed = subprocess.run([larder, "plan", f"{name}.toml", "--to", "store", "--encoder", "tiny", "--json"], cwd=folder, check=True,
                                 capture_output=True, text=True, env={**os.environ, "LARDER_HOME": str(home)}).stdout
        plan = re.search(r"[0-9a-f]{32}", printed)[0]
        while subprocess.run([larder, "work", f"store/plans/{plan}.json", "--next-missing", "0/1"], cwd=folder,
                             capture_output=True, env={**os.environ, "LARDER_HOME": str(home)}).returncode == 0:
            if list((folder / "store/commits" / plan).glob("*.json")):
                break
        run("collect", f"store/plans/{plan}.json")
        store = folder / "store"
        for kind, path in [("plan", store / f"plans/{plan}.json"), ("manifest", store / f"manifests/{plan}.json"),
                           ("commit", next((store / "commits" / plan).glob("*.json")))]:
            seeds.add("scale", f"{kind}-{name}", path.read_text().replace(str(folder), "/data"))


def by_others(seeds):
    """Parquet files as pyarrow writes them: types, codecs, encodings and nesting that larder's own do not have."""
    rows = 6
    text = pyarrow.array([f"a {word}" for word in WORDS[:rows]])
    tables = {
        "plain": {"text": text, "label": pyarrow.array([i % 2 for i in range(rows)])},
        "dictionary": {"text": text.dictionary_encode(), "text_b": text, "label": pyarrow.array(["x", None] * 3).dictionary_encode()},
        "lists": {"text": text, "labels": pyarrow.array([["x"], [], None, ["y", "x"], ["x"], []])},
        "flags": {"text": text.cast(pyarrow.large_string()), "a": pyarrow.array([True, False, None] * 2), "b": pyarrow.array([0.0, 1.0, 0.5] * 2)},
        "numbers": {"text": text, "target": pyarrow.array([1.5, -2.0, None, 3.0, 4.0, float("nan")]), "big": pyarrow.array(range(rows), pyarrow.decimal128(9, 2))},
        "words": {"words": pyarrow.array([["Ada", "waits"], ["x"]] * 3), "tags": pyarrow.array([["B-PER", "O"], ["O"]] * 3)},
        "vectors": {
            "example_id": pyarrow.array(list("abcdef")),
            "embedding": pyarrow.array([[float(i), 1.0, 0.5] for i in range(rows)], pyarrow.list_(pyarrow.float32(), 3)),
            "ragged": pyarrow.array([[1.0], [1.0, 2.0], None] * 2),
            "when": pyarrow.array([i * 1000 for i in range(rows)], pyarrow.timestamp("ms")),
            "nested": pyarrow.array([{"a": [1, 2], "b": "c"}] * rows),
        },
    }
    ways = [
        {"compression": "none"}, {"compression": "snappy"}, {"compression": "gzip"}, {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "lz4"}, {"compression": "brotli", "row_group_size": 4},
        {"compression": "none", "use_dictionary": False, "write_page_index": True},
    ]
    # The description of `targets/table.rs` that reads each table.
    readers = {"plain": 0, "dictionary": 1, "lists": 2, "flags": 3, "numbers": 4, "words": 5}
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        for (name, columns), way in zip(tables.items(), ways):
            pyarrow.parquet.write_table(pyarrow.table(columns), file.name, store_schema=name in ("dictionary", "vectors", "words"), **way)
            content = pathlib.Path(file.name).read_bytes()
            seeds.add("inspect", name, b"\0" + content)
            seeds.add("undescribed", f"{name}.parquet", b"\4" + content)
            if name in readers:
                seeds.add("table", name, bytes([readers[name]]) + content)
            if name == "vectors":
                seeds.add("features", name, b"\0" + content)
                seeds.add("checksums", name, b"\0" + content)


def by_hand(seeds):
    for at, rows in enumerate(ROWS):
        content = rows.encode() if isinstance(rows, str) else rows
        seeds.add("rows", f"{at:02}", bytes([at]) + content)
        if at not in (20, 21):
            form = 0 if at in (0, 1, 4, 5, 6, 18) else 1 if at in (2, 3, 19) else 2 if 7 <= at <= 12 else 3
            seeds.add("undescribed", f"{at:02}", bytes([form]) + content)
    for at, toml in enumerate(DESCRIPTIONS):
        seeds.add("description", f"{at:02}", toml)
    for kind in (0, 1):
        seeds.add("scored", f"conll-{kind}", bytes([1 + 5 * kind]) + SCORED.replace(" ", " \t"[kind]).encode())
    seeds.add("scored", "conll-2", bytes([11]) + b"Ada B-PER B-PER\n\nx O O\n")
    seeds.add("scored", "csv", bytes([15]) + b'a,b,n,p,q\nx|y,1,1.5,"[0.5, 1]",0.1\ny,0,-2,"[0, 1]",1\n')
    seeds.add("scored", "jsonl", bytes([20]) + b'{"a": ["x"], "b": 1, "n": 2, "p": {"x": 0.5, "y": 1}, "q": 0.25}\n')
    for at, tags in enumerate(["O B-a I-a O I-b", "B-a I-a O B-b B-b", "B-a E-a S-b O I-c", "B-a L-a U-b O", "B-a M-a E-a S-b"]):
        seeds.add("tags", f"{at:02}", bytes([6 * at]) + tags.encode())
    for at, name in enumerate(NAMES):
        seeds.add("names", f"{at:02}", name)
    for path in sorted((HERE.parent / "goldens/tokens").glob("*.json")):
        if not path.name.endswith(".expected.json"):
            seeds.add("tokenizer", path.stem, small_tokenizer(json.loads(path.read_text())))
    seeds.add("checksums", "json", b"\0" + json.dumps({"a": [1, 2.5, None], "b": {"c": "d"}}).encode())
    seeds.add("checksums", "safetensors", b"\1" + safetensors("a", [1.0, 2.0]))
    seeds.add("checksums", "sealed", b"\1" + b'{"a": 1,\n  "checksum": "larder-blake3:' + b"0" * 64 + b'"\n}\n')


def small_tokenizer(file):
    """The tokenizer with few enough tokens that a change hits something else, too."""
    model = file["model"]
    kept = {token["content"] for token in file["added_tokens"]} | {"a", "b", "c", "##a", "Ġa", "▁a", "▁", "l", "ar"}
    if isinstance(model["vocab"], dict):
        few = {token for token in list(model["vocab"])[:24]} | (kept & set(model["vocab"]))
        model["vocab"] = {token: number for token, number in model["vocab"].items() if token in few}
        whole = lambda merge: all(part in few for part in [*merge, "".join(merge)])
        if "merges" in model:
            model["merges"] = [merge for merge in model["merges"] if whole(merge if isinstance(merge, list) else merge.split(" "))][:8]
    else:
        model["vocab"] = model["vocab"][:24]
    return json.dumps(file, ensure_ascii=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--larder", required=True, help="the binary")
    larder = str(pathlib.Path(parser.parse_args().larder).resolve())
    seeds = Seeds()
    by_hand(seeds)
    by_others(seeds)
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        by_larder(seeds, larder, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
