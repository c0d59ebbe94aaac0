"""Bytes, scores and training seconds of vectors in float32, float16 and 8-bit integers: `just bench-dtypes`.

Two data sets: the intents of the repository, and CoLA (`LARDER_DATA`). MiniLM's vectors are the means of the tokens, of the last layer and of all.
The coarser files are made of that in float32, without the encoder. Seconds are of `larder train`, the head with its whole selection. Standard
library only.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

DTYPES = ["f32", "f16", "i8"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--larder", required=True)
    parser.add_argument("--source", required=True, help="the encoder's folder")
    arguments = parser.parse_args()
    home = pathlib.Path("artifacts/bench/dtypes")
    shutil.rmtree(home, ignore_errors=True)
    larder = [arguments.larder, "-q", "--json", "--home", str(home)]

    def run(*command: str) -> dict:
        return json.loads(subprocess.run([*larder, *command], check=True, stdout=subprocess.PIPE).stdout)

    run("encoder", "add", arguments.source, "--name", "minilm")
    print("| data | layers | vectors | bytes | MCC on dev | 95 % interval | seconds of training |\n|---|---|---|---|---|---|---|")
    for dataset in ["data/intents/intents.toml", "data/cola.toml"]:
        for layers in ["-1", "all"]:
            shutil.rmtree(home / "features", ignore_errors=True)
            for dtype in DTYPES:
                options = [dataset, "-e", "minilm", "--layers", layers, "--dtype", dtype]
                found = run("run", *options, "--run", f"{pathlib.Path(dataset).stem}-{layers.strip('-')}-{dtype}")
                split = found["evaluation"]["splits"][0]
                interval = dict(split["intervals"])["mcc"]
                size = sum(file.stat().st_size for file in (home / "features").rglob(f"sentence-{dtype}/*.parquet"))
                seconds = sum(stage["seconds"] for stage in found["stages"] if stage["stage"] == "train")
                mcc = split["scores"]["mcc"]
                print(
                    f"| {split['split']} of {pathlib.Path(dataset).stem} | {layers} | {dtype} | {size / 1e6:.1f} MB | {mcc:.3f} "
                    f"| {interval['low']:.3f} to {interval['high']:.3f} | {seconds:.1f} |",
                    flush=True,
                )
    shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
