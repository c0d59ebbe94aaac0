"""Time and peak memory of taking in an encoder of BERT-base's size, 438 MB: `just bench-intake`.

An encoder with random weights is made (`init`), its file is added as it is (`add own`), and again as if somebody else had exported
it (`add foreign`), which has the graph read, built anew and compared. Prints seconds, processor seconds (all threads, the system's work
included), and the peak resident memory beside the file's size; fails when one peak is too many times the file. Standard library only.
"""

import json
import pathlib
import shutil
import sys

from generated import CONFIG, begin, command_line, usage

SIZES = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
SIZES |= {"vocab_size": 30522, "max_position_embeddings": 512}
# Peak memory as a multiple of the file.
LIMIT_TIMES = 4.5
# What a graph's description of itself begins with, and as many letters in its place.
OURS, FOREIGN = b"larder.", b"other.."
# It stands at the end of the file.
DESCRIPTION_BYTES = 4096


def foreign(source: pathlib.Path, target: pathlib.Path) -> None:
    """The same graph without larder's description of it."""
    shutil.copyfile(source, target)
    with open(target, "r+b") as file:
        file.seek(-DESCRIPTION_BYTES, 2)
        end = file.read()
        if OURS not in end:
            sys.exit(f"{source} does not describe itself where it is looked for")
        file.seek(-DESCRIPTION_BYTES, 2)
        file.write(end.replace(OURS, FOREIGN))


def main() -> int:
    arguments = command_line(__doc__, "artifacts/bench/intake").parse_args()
    larder, _ = begin(arguments, "warm", {})
    home: pathlib.Path = arguments.home
    config, tokenizer = home / "config.json", home / "words.json"
    config.write_text(json.dumps(CONFIG | SIZES), encoding="utf-8")
    init = ["encoder", "init", "--config", str(config), "--tokenizer", str(tokenizer), "--name", "base"]
    rows = [("init", usage([*larder, *init]))]
    made = home / "encoders/base/model.onnx"
    size = made.stat().st_size
    own, other = home / "own.onnx", home / "foreign.onnx"
    shutil.copyfile(made, own)
    foreign(made, other)
    for name, path in (("own", own), ("foreign", other)):
        add = ["encoder", "add", str(path), "--tokenizer", str(tokenizer), "--name", name]
        rows.append((f"add {name}", usage([*larder, *add])))

    failed = False
    print(f"the file has {size / 2**20:.1f} MiB\nstage        seconds   processor s   peak MiB   times the file")
    for stage, (peak, seconds, processor) in rows:
        bad = peak > LIMIT_TIMES * size
        failed |= bad
        print(
            f"{stage:<12} {seconds:7.1f} {processor:13.1f} {peak / 2**20:10.1f} {peak / size:16.2f}" + ("   too much" if bad else "")
        )
    print(f"limit: {LIMIT_TIMES} times the file")
    if not arguments.keep:
        shutil.rmtree(home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
