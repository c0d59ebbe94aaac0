#!/usr/bin/env python3
"""Tests of fetch.py: `python3 test_fetch.py`. They need pip but no network: the wheels are made here."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

FETCH = Path(__file__).resolve().parent / "fetch.py"


class Fetch(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.top = Path(self.folder.name)
        self.root = self.top / "larder"
        self.wheels = self.top / "wheels"
        self.wheels.mkdir()
        self.wheel = self.make_wheel("pantry", "1.0", {"pantry/shelf/jam.bin": b"jam" * 1000, "pantry/code.py": b""})

    def make_wheel(self, name, version, files):
        path = self.wheels / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as wheel:
            for member, content in files.items():
                wheel.writestr(member, content)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        return path

    def pins(self, **changes):
        bundle = {
            "about": "the pantry",
            "folder": "pantry",
            "unpacked_bytes": 4000,
            "wheels": {
                "any": [
                    {
                        "requirement": "pantry==1.0",
                        "tags": ["any"],
                        "bytes": self.wheel.stat().st_size,
                        "sha256": hashlib.sha256(self.wheel.read_bytes()).hexdigest(),
                    }
                ]
            },
            "files": [{"from": "pantry/shelf/*.bin", "to": "{name}"}],
        }
        bundle.update(changes)
        path = self.top / "pins.json"
        path.write_text(json.dumps({"python": "3.12", "recipes": {"setup": ["p"]}, "bundles": {"p": bundle}}))
        return path

    def run_fetch(self, pins):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        environment.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(self.wheels), PIP_CONFIG_FILE=os.devnull)
        command = [sys.executable, str(FETCH), "setup", "--into", str(self.root), "--pins", str(pins)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def assert_nothing_installed(self, result, *words):
        self.assertEqual(result.returncode, 1, result)
        self.assertNotIn("Traceback", result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        left = [path.name for path in self.root.glob("*")] if self.root.exists() else []
        self.assertEqual(left, [], "neither a bundle nor a half of one")

    def test_installs_once_and_repairs_what_changed(self):
        pins = self.pins()
        first = self.run_fetch(pins)
        self.assertEqual(first.returncode, 0, first)
        self.assertIn("installed", first.stdout)
        jam = self.root / "pantry" / "jam.bin"
        self.assertEqual(jam.read_bytes(), b"jam" * 1000)
        self.assertEqual(sorted(path.name for path in self.root.glob("*")), ["pantry"])
        self.assertFalse((self.root / "pantry" / "code.py").exists(), "only what the rules name")

        self.wheel.rename(self.wheel.with_suffix(".away"))
        again = self.run_fetch(pins)
        self.assertEqual(again.returncode, 0, "nothing is downloaded twice")
        self.assertIn("already there", again.stdout)
        self.wheel.with_suffix(".away").rename(self.wheel)

        jam.write_bytes(b"tar" * 1000)
        self.assertIn("installed", self.run_fetch(pins).stdout)
        self.assertEqual(jam.read_bytes(), b"jam" * 1000, "damage of the same size is seen")
        (self.root / "pantry" / "installed.json").write_text("half a st")
        self.assertIn("installed", self.run_fetch(pins).stdout)

    def test_another_wheel_than_pinned_installs_nothing(self):
        pins = self.pins()
        self.make_wheel("pantry", "1.0", {"pantry/shelf/jam.bin": b"mud"})
        self.assert_nothing_installed(self.run_fetch(pins), "pantry==1.0", "nothing was installed")

    def test_another_file_than_pinned_installs_nothing(self):
        pins = self.pins(sha256={"jam.bin": "00" * 32})
        self.assert_nothing_installed(self.run_fetch(pins), "jam.bin", "nothing was installed")

    def test_a_missing_package_or_file_installs_nothing(self):
        pins = self.pins(files=[{"from": "pantry/cellar/*", "to": "{name}"}])
        self.assert_nothing_installed(self.run_fetch(pins), "pantry/cellar/*")
        pins = self.pins()
        self.wheel.unlink()
        self.assert_nothing_installed(self.run_fetch(pins), "could not download", "PIP_")

    def test_a_failed_update_keeps_what_is_there(self):
        self.assertEqual(self.run_fetch(self.pins()).returncode, 0)
        broken = self.pins(sha256={"jam.bin": "00" * 32})
        (self.root / "pantry" / "installed.json").unlink()
        self.assertEqual(self.run_fetch(broken).returncode, 1)
        self.assertEqual((self.root / "pantry" / "jam.bin").read_bytes(), b"jam" * 1000)

    def test_no_room_is_said_before_anything_is_fetched(self):
        self.assert_nothing_installed(self.run_fetch(self.pins(unpacked_bytes=1 << 60)), "free", "needed")

    def test_an_unknown_platform_lists_the_known_ones(self):
        pins = self.pins(wheels={"plan9-mips": []})
        self.assert_nothing_installed(self.run_fetch(pins), "plan9-mips", "ORT_DYLIB_PATH")


if __name__ == "__main__":
    unittest.main()
