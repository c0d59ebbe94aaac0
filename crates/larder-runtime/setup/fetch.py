#!/usr/bin/env python3
"""Fetches what larder runs with and does not keep in its repository.

    python3 fetch.py setup              ONNX Runtime and the default encoder
    python3 fetch.py setup-cuda         ONNX Runtime for CUDA and NVIDIA's libraries (Linux x86_64)
    python3 fetch.py third-party-onnx   an ONNX encoder that somebody else exported

`larder setup` has this file and `pins.json` inside and runs them with `--into`; the recipes `runtime`, `encoder` and
`cuda` are its parts.

Everything comes as a Python package through `pip download`, so pip's own settings (its configuration
files and the PIP_* variables: an index, a proxy, a folder of wheels) count. No Python package is
installed: files are taken out of the wheels and put under `.larder` in the repository.

What is fetched, and the SHA-256 of every wheel, stands in `pins.json`. A bundle is unpacked beside its
place and renamed when it is whole; what is there already is checked and left alone. Python 3.8 or later
is enough, whatever Python the wheels are for.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
STAMP = "installed.json"
INCOMING = ".incoming-"
# A download that is older than this was killed; one that is younger may still run.
STALE_SECONDS = 6 * 3600
# What unpacking needs besides the files themselves.
SPARE_BYTES = 64 << 20


class Problem(Exception):
    """Something that the user can mend; the message says how."""


def say(text):
    print(text, flush=True)


def megabytes(count):
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def digest(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha256.update(block)
    return sha256.hexdigest()


def this_platform():
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    system = {"darwin": "macos"}.get(platform.system().lower(), platform.system().lower())
    return f"{system}-{machine}"


def check_c_library(wanted):
    """Wheels for Linux are built for glibc; another C library loads none of them."""
    if platform.system() != "Linux":
        return
    name, version = platform.libc_ver()
    if name != "glibc":
        raise Problem(
            "this Linux does not use glibc, for which the ONNX Runtime wheels are built\n"
            "  build or install ONNX Runtime yourself and set ORT_DYLIB_PATH to its library"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < tuple(wanted):
        raise Problem(f"this system has glibc {version}, the wheels need {wanted[0]}.{wanted[1]} or later")


def check_pip():
    result = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if result.returncode != 0:
        raise Problem(
            f"{sys.executable} has no pip: {result.stdout.decode(errors='replace').strip()}\n"
            "  `python3 -m ensurepip --user` installs it; on Debian and Ubuntu `apt install python3-pip` does"
        )


def wheels_for_here(name, bundle):
    """The wheels of a bundle for this machine, from pins.json."""
    here = this_platform()
    wheels = bundle["wheels"].get("any") or bundle["wheels"].get(here)
    if wheels is None:
        raise Problem(
            f"{name} is not published for {here}, only for {', '.join(sorted(bundle['wheels']))}\n"
            "  install ONNX Runtime in another way and set ORT_DYLIB_PATH to its library"
        )
    if "any" not in bundle["wheels"] and here.startswith("linux"):
        check_c_library(bundle["glibc"])
    return wheels


def is_whole(folder, wheels):
    """Does the folder hold what its stamp says, from the wheels that are pinned now?"""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        if stamp["wheels"] != [wheel["sha256"] for wheel in wheels]:
            return False
        return all(
            (folder / name).stat().st_size == entry["bytes"] and digest(folder / name) == entry["sha256"]
            for name, entry in stamp["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def download(wheels, python, into):
    """Lets pip fetch the wheels and check their SHA-256."""
    requirements = into / "requirements.txt"
    lines = [f"{wheel['requirement']} --hash=sha256:{wheel['sha256']}\n" for wheel in wheels]
    requirements.write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    for tag in sorted({tag for wheel in wheels for tag in wheel["tags"]}):
        command += ["--platform", tag]
    command += ["--require-hashes", "--requirement", str(requirements), "--dest", str(into)]
    shown = sys.stdout.isatty()
    result = subprocess.run(
        command if shown else command + ["--progress-bar", "off"],
        stdout=None if shown else subprocess.PIPE,
        stderr=None if shown else subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if result.returncode != 0:
        told = "" if shown else (result.stdout or b"").decode(errors="replace").strip()
        raise Problem(
            f"pip could not download {', '.join(wheel['requirement'] for wheel in wheels)}; nothing was installed\n"
            + "".join(f"  pip: {line}\n" for line in told.splitlines()[-8:])
            + "  check the network and pip's settings (index, proxy, PIP_* variables) and run this again"
        )
    found = {digest(path): path for path in into.glob("*.whl")}
    missing = [wheel["requirement"] for wheel in wheels if wheel["sha256"] not in found]
    if missing:
        raise Problem(f"pip left files with other SHA-256 than pinned for {', '.join(missing)}; nothing was installed")
    return [found[wheel["sha256"]] for wheel in wheels]


def destination(rule, member):
    """The name that a file of a wheel gets, or None if this rule does not take it."""
    if not fnmatch.fnmatchcase(member, rule["from"]):
        return None
    base = PurePosixPath(member).name
    if any(fnmatch.fnmatchcase(base, pattern) for pattern in rule.get("except", [])):
        return None
    return rule["to"].replace("{name}", base).replace("{package}", PurePosixPath(member).parts[0].split("-")[0])


def unpack(archives, rules, pinned, into):
    """Takes the files that the rules name out of the wheels; returns what the stamp records."""
    files = {}
    used = set()
    for archive in archives:
        with zipfile.ZipFile(archive) as wheel:
            for member in wheel.namelist():
                for index, rule in enumerate(rules):
                    name = destination(rule, member)
                    if name is None:
                        continue
                    used.add(index)
                    target = into / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with wheel.open(member) as source, open(target, "wb") as sink:
                        shutil.copyfileobj(source, sink, 1 << 20)
                        sink.flush()
                        os.fsync(sink.fileno())
                    files[name] = {"bytes": target.stat().st_size, "sha256": digest(target)}
    unused = [rule["from"] for index, rule in enumerate(rules) if index not in used and not rule.get("optional")]
    if unused:
        raise Problem(f"the wheels hold no {', '.join(unused)}: pins.json does not fit them; nothing was installed")
    for name, sha256 in pinned.items():
        found = files.get(name, {}).get("sha256")
        if found != sha256:
            raise Problem(f"{name} has SHA-256 {found}, pinned is {sha256}; nothing was installed")
    return files


def check_space(folder, wheels, unpacked):
    needed = sum(wheel["bytes"] for wheel in wheels) + unpacked + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Problem(f"{folder} has {megabytes(free)} free, {megabytes(needed)} are needed; nothing was installed")


def install(name, bundle, python, root):
    folder = root / bundle["folder"]
    shown = os.path.relpath(folder) if Path.cwd() in folder.parents else folder
    wheels = wheels_for_here(name, bundle)
    if is_whole(folder, wheels):
        say(f"{bundle['about']}: already there, in {shown}")
        return
    check_pip()
    root.mkdir(parents=True, exist_ok=True)
    check_space(root, wheels, bundle["unpacked_bytes"])
    say(f"{bundle['about']}: downloading {megabytes(sum(wheel['bytes'] for wheel in wheels))}")
    incoming = Path(tempfile.mkdtemp(prefix=INCOMING, dir=root))
    try:
        (incoming / "wheels").mkdir()
        (incoming / "new").mkdir()
        archives = download(wheels, python, incoming / "wheels")
        files = unpack(archives, bundle["files"], bundle.get("sha256", {}), incoming / "new")
        stamp = {
            "requirements": [wheel["requirement"] for wheel in wheels],
            "wheels": [wheel["sha256"] for wheel in wheels],
            "files": files,
        }
        (incoming / "new" / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rename(incoming / "old")
        (incoming / "new").rename(folder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    say(f"{bundle['about']}: installed {megabytes(sum(entry['bytes'] for entry in files.values()))} in {shown}")
    if bundle.get("note"):
        say(f"  {bundle['note']}")


def remove_leftovers(root):
    """Removes what killed runs left behind."""
    for left in root.glob(INCOMING + "*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="Fetches what larder runs with, pinned and checked.")
    parser.add_argument("recipe", nargs="+", help="setup, setup-cuda, third-party-onnx, runtime, encoder or cuda")
    parser.add_argument("--into", type=Path, help="the folder to fill; `.larder` in the repository unless given")
    parser.add_argument("--pins", type=Path, default=HERE / "pins.json", help="what to fetch")
    arguments = parser.parse_args()
    root = (arguments.into or HERE.parents[2] / ".larder").resolve()
    said = " ".join(arguments.recipe)
    try:
        pins = json.loads(arguments.pins.read_text(encoding="utf-8"))
        for recipe in arguments.recipe:
            if recipe not in pins["recipes"]:
                raise Problem(f"unknown recipe {recipe}: expected one of {', '.join(sorted(pins['recipes']))}")
        remove_leftovers(root)
        for name in [name for recipe in arguments.recipe for name in pins["recipes"][recipe]]:
            install(name, pins["bundles"][name], pins["python"], root)
    except Problem as problem:
        print(f"{said}: {problem}", file=sys.stderr)
        return 1
    except (OSError, zipfile.BadZipFile) as problem:
        print(f"{said}: {problem}; nothing was installed", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{said}: interrupted; nothing was installed", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
