"""The graphs of one encoder against one another: `just bench-graphs`.

An encoder as somebody exported it, as larder builds it of what it read in that export, and with products in 8-bit
integers, take turns in encoding the same split, a new process each time. Exports are made of a folder with config.json and
model.safetensors by torch's two exporters where torch, transformers and onnxscript are installed, and given as `.onnx`
files or folders besides. Of such a folder the graph that larder builds of its weights (`built`) takes turns too: a file without its
`config.json` may be run as given. Prints, for each export, the processor seconds of every round (all threads, the whole process from start
to the written file: what else runs on the machine does not count) and the median of the rounds' ratios to the graph as given.
"""

import argparse
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys

# Each is a pass over the split with every graph.
DEFAULT_ROUNDS = 5

# Settings of families beside the size.
RANDOM = {
    "modernbert": {"intermediate_size": 576, "max_position_embeddings": 512},
    "deberta-v2": {
        "intermediate_size": 1536,
        "relative_attention": True,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
}


def larder(arguments, home):
    command = [str(arguments.larder), "--home", str(home), "--json"]

    def run(*words):
        done = subprocess.run([*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}:\n{done.stderr}")
        return done.stdout

    return run


def processor_seconds():
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def random_encoder(kind, tokenizer, folder):
    """An encoder of a family with random weights, which speed does not depend on: six layers of 384 features."""
    try:
        import torch
        import transformers
    except ImportError as missing:
        print(f"SKIPPED: a random {kind} ({missing}); pip install torch transformers onnxscript onnx", file=sys.stderr)
        return None
    target = folder / f"random-{kind}"
    ids = json.loads(tokenizer.read_text())["model"]["vocab"]
    sizes = {"vocab_size": len(ids), "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6, "pad_token_id": 0}
    special = {"cls_token_id": ids["[CLS]"], "bos_token_id": ids["[CLS]"], "sep_token_id": ids["[SEP]"], "eos_token_id": ids["[SEP]"]}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **sizes, **special, **RANDOM[kind])
    transformers.AutoModel.from_config(config, attn_implementation="eager").save_pretrained(target)
    shutil.copy(tokenizer, target / "tokenizer.json")
    return target


def exports(source, folder):
    """The folder's model as torch's exporters write it."""
    try:
        import onnxscript  # noqa: F401 - the dynamo exporter needs it
        import torch
        import transformers
    except ImportError as missing:
        print(f"SKIPPED: exports by torch ({missing}); pip install torch transformers onnxscript onnx", file=sys.stderr)
        return

    class Encoder(torch.nn.Module):
        """The model with its inputs in the order of the export."""

        def __init__(self):
            super().__init__()
            self.model = transformers.AutoModel.from_pretrained(source)

        def forward(self, input_ids, attention_mask, token_type_ids=None):
            types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return self.model(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state

    model = Encoder().eval()
    ids = torch.randint(1000, 2000, (2, 9))
    fed = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if getattr(model.model.config, "type_vocab_size", 0) > 1:
        fed["token_type_ids"] = torch.zeros_like(ids)
    for exporter in ("torchscript", "dynamo"):
        target = folder / f"{source.name}-{exporter}"
        if not (target / "model.onnx").exists():
            target.mkdir(parents=True, exist_ok=True)
            for name in ("config.json", "tokenizer.json"):
                shutil.copy(source / name, target)
            axes = {0: "batch", 1: "seq"}
            if exporter == "dynamo":
                options = {"dynamo": True, "dynamic_shapes": {name: axes for name in fed}}
            else:
                options = {"dynamo": False, "opset_version": 17, "dynamic_axes": {name: axes for name in fed}}
            torch.onnx.export(model, tuple(fed.values()), str(target / "model.onnx"), input_names=list(fed), **options)
        yield target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--larder", type=pathlib.Path, required=True)
    parser.add_argument("--dataset", type=pathlib.Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--source", type=pathlib.Path, help="a folder with weights, to be exported")
    parser.add_argument("--random", choices=sorted(RANDOM), action="append", default=[], help="a family, with random weights")
    parser.add_argument("--export", type=pathlib.Path, action="append", default=[], help="an export that is there")
    parser.add_argument("--tokenizer", type=pathlib.Path, help="tokenizer.json of the exports that have none")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for exports and caches")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    arguments = parser.parse_args()
    home = arguments.work / "home"
    run = larder(arguments, home)
    sources = [random_encoder(kind, arguments.tokenizer, arguments.work) for kind in arguments.random]
    if not arguments.random:
        sources.append(arguments.source)
    found = {export: source for source in sources if source for export in exports(source, arguments.work)}
    for export in [*found, *([] if arguments.random else arguments.export)]:
        name = export.stem if export.suffix == ".onnx" else export.name
        extra = [] if (export / "tokenizer.json").exists() else ["--tokenizer", arguments.tokenizer]
        run("encoder", "add", export, "--name", name, "--replace", *extra)
        # An export that is not read has no graph of its own in 8 bits: the weights have.
        built = f"{name}-built" if export in found else name
        if export in found:
            run("encoder", "add", found[export], "--name", built, "--replace")
        run("encoder", "quantise", built, "--replace")
        manifest = json.loads(run("encoder", "show", name))
        print(f"{name}: {json.dumps(manifest['prepared'])}", flush=True)
        # Tokens are made before the clock runs.
        run("tokenize", arguments.dataset, "--split", arguments.split, "--encoder", name)
        for encoder in {built, f"{built}-int8"} - {name}:
            run("tokenize", arguments.dataset, "--split", arguments.split, "--encoder", encoder)
        sides = {
            "given": ("--encoder", name, "--graph", "given"),
            "rebuilt": ("--encoder", name, "--graph", "auto"),
            "int8": ("--encoder", f"{built}-int8"),
        }
        if built != name:
            sides["built"] = ("--encoder", built)
        seconds = {side: [] for side in sides}
        for number in range(arguments.rounds):
            for side, words in sides.items():
                before = processor_seconds()
                run("encode", arguments.dataset, "--split", arguments.split, "--force", *words)
                seconds[side].append(processor_seconds() - before)
            print(f"  round {number + 1}: " + ", ".join(f"{side} {taken[-1]:.2f} s" for side, taken in seconds.items()), flush=True)
        for side in list(sides)[1:]:
            ratios = [own / given for own, given in zip(seconds[side], seconds["given"])]
            print(f"  {side} / given: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
