"""What the campaigns on real engines share: a corpus in about forty shards, and the comparison of two stores.

The reference is the same plan worked by one process, shard after shard. The store that an engine filled must have the same manifest, byte
for byte, and exactly the parts that it names. Standard library only.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parent.parent / "bench"))

from generated import begin, command_line
from memory import write_corpus

# So wide that a shard takes some seconds on one thread: long enough to be killed in.
SIZES = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6, "intermediate_size": 1536}
ROWS = 48_000
SHARDS = 40


class Campaign:
    """A plan in an empty store, and the same plan in a second one that a single process has worked."""

    def __init__(self, name: str, description: str, rows: int = ROWS, sizes: dict = SIZES) -> None:
        parser = command_line(description, f"artifacts/scale/{name}")
        parser.add_argument("--rows", type=int, default=rows)
        self.options = parser.parse_args()
        self.options.home = self.options.home.resolve()
        self.options.larder = pathlib.Path(self.options.larder).resolve()
        self.home: pathlib.Path = self.options.home
        self.larder, words = begin(self.options, "wide", sizes)
        self.dataset = write_corpus(self.home, "corpus", self.options.rows, words)
        tokens = self.json("plan", str(self.dataset), "-e", "wide", "--to", str(self.home / "probe"))["forecast_tokens"]
        self.cut = ["--shard-tokens", str(-(-tokens // SHARDS))]
        self.reference = self.plan("reference")
        self.plan_uri = self.plan("store")
        started = time.perf_counter()
        self.run("work", self.reference, "--next-missing", "0/1", "--threads", "1")
        self.run("collect", self.reference)
        self.say(f"reference: {time.perf_counter() - started:.0f} s on one thread")

    def plan(self, store: str) -> str:
        asked = ["-e", "wide", "--to", str(self.home / store), *self.cut]
        planned = self.json("plan", str(self.dataset), *asked)
        self.shards = planned["shards"]
        return planned["plan"]

    def run(self, *arguments: str) -> str:
        return subprocess.run([*self.larder, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout

    def json(self, *arguments: str) -> dict:
        return json.loads(self.run(*arguments, "--json"))

    def done(self) -> int:
        return self.json("status", self.plan_uri)["done"]

    def wait_for(self, shards: int, seconds: float) -> None:
        """Until so many shards are done."""
        until = time.monotonic() + seconds
        while (done := self.done()) < shards:
            if time.monotonic() > until:
                raise SystemExit(f"{done} of {self.shards} shards after {seconds:.0f} s, {shards} were to be done")
            time.sleep(0.5)

    def compare(self) -> int:
        """Collects the engine's store, and compares it with the reference: what `main` returns."""
        self.run("collect", self.plan_uri)
        stores = [self.home / "reference", self.home / "store"]
        manifests = [next((store / "manifests").iterdir()).read_bytes() for store in stores]
        parts = [sorted(part.name for part in (store / "parts").iterdir()) for store in stores]
        named = sorted(part["key"].removeprefix("parts/") for part in json.loads(manifests[1])["parts"])
        rows = json.loads(manifests[1])["rows"]
        wrong = [
            text
            for text, is_wrong in [
                ("the manifests differ", manifests[0] != manifests[1]),
                ("parts are missing or too many", set(parts[1]) != set(named)),
                (f"{rows:,} rows, not {self.options.rows:,}", rows != self.options.rows),
            ]
            if is_wrong
        ]
        self.say(f"{len(parts[1])} parts, {rows:,} rows: " + ("; ".join(wrong) or "equal to the reference byte for byte"))
        return self.end(bool(wrong))

    def end(self, failed: bool) -> int:
        """Removes the folder, unless something is wrong in it: what `main` returns."""
        if not self.options.keep and not failed:
            shutil.rmtree(self.home)
        return int(failed)

    @staticmethod
    def say(text: str) -> None:
        print(f"== {text}", flush=True)
