#!/usr/bin/env python3
"""Tests of what `check.py` reads and makes of it: `python3 test_check.py`. Nothing is run but a shell."""

import os
import pathlib
import sys
import tempfile
import unittest

import readings
import table
from corpus import Corpus
from steps import Steps


class Readings(unittest.TestCase):
    def test_rates_of_encode(self):
        said = (
            "tokenize train: up to date\n"
            "encode   train: 2,000 rows (1,990 encoded, 10 copies of another row) in 0.25 s, 16633 rows/s, 312336 real tokens/s, "
            "0.1 % padding on cuda (NVIDIA H200) (16 threads), 259.7 kB\nnote     not in half precision: no\n"
        )
        found = readings.encoded(said)
        self.assertEqual((found["rows_per_second"], found["tokens_per_second"]), (16633, 312336))
        self.assertEqual((found["device"], found["notes"]), ("cuda (NVIDIA H200)", ["not in half precision: no"]))
        self.assertEqual(readings.encoded("encode   train: up to date"), {})

    def test_rows_of_predict(self):
        found = readings.predicted("/tmp/answers.tsv: 50,000 rows in 1.20 s on cuda (x), 41666 rows/s")
        self.assertEqual((found["rows"], found["rows_per_second"], found["device"]), (50000, 41666, "cuda (x)"))

    def test_counts_of_tests(self):
        said = "SKIPPED: needs a GPU\ntest result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured\n"
        self.assertEqual(readings.tests(said), {"passed": 4, "failed": 1, "skipped": 1})

    def test_vectors_are_compared_by_their_smallest_cosine(self):
        vectors = readings.vectors('note\n{"mean":[1.0,0.0]}\n{"mean":[0.0,2.0]}\n')
        self.assertAlmostEqual(readings.cosines(vectors, [[2.0, 0.0], [1.0, 1.0]]), 0.5**0.5)
        self.assertNotEqual(readings.cosines(vectors, vectors[:1]), 1.0)

    def test_steps_of_a_run_without_its_history(self):
        written = '{"training": {"seconds": 0.5, "steps": 10, "first_loss": 0.7, "last_loss": 0.6}}'
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            self.assertEqual(readings.tuned(written, "nowhere", 2)["step_ms"], 50.0)

    def test_a_trace_by_operator(self):
        node = {"cat": "Node", "args": {"op_name": "MatMul", "provider": "CUDAExecutionProvider"}}
        events = [node | {"name": name, "dur": 1500} for name in ("a_kernel_time", "b_kernel_time", "a_fence_before")]
        found = readings.trace([*events, {"cat": "Session", "name": "model_run", "dur": 4000}])
        self.assertEqual((found["runs"], found["run_ms"], found["node_ms"]), (1, 4.0, 3.0))
        self.assertEqual(found["operators"], [{"op": "MatMul", "calls": 2, "ms": 3.0}])


class Running(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_a_failing_step_and_one_without_time_stop_nothing(self):
        steps = Steps(self.folder, 60, dict(os.environ))
        self.assertIsNone(steps.run("fails", 10, ["sh", "-c", "echo bad >&2; exit 3"]))
        self.assertEqual(steps.run("works", 10, ["sh", "-c", "echo out"])[0], "out\n")
        self.assertIsNone(steps.run("is not there", 10, [self.folder / "nothing"]))
        steps.deadline = 0
        self.assertIsNone(steps.run("late", 10, ["true"]))
        steps.close()
        codes = [record.get("code", record.get("skipped")) for record in steps.records]
        self.assertEqual(codes, [3, 0, "not started", "no time was left"])

    def test_texts_have_the_lengths_asked_for(self):
        corpus = Corpus(self.folder, "tiny")
        corpus.alike("set", 5, 16)
        rows = (self.folder / "set-train.tsv").read_text(encoding="utf-8").splitlines()
        self.assertEqual([len(row.split("\t")[1].split()) for row in rows], [14] * 5)


class Page(unittest.TestCase):
    def test_ratios_and_what_failed(self):
        steps = [
            {"step": "a", "code": 0, "kind": "encode", "set": "sentences", "graph": "half", "rows_per_second": 299910, "tokens_per_second": 1},
            {"step": "b", "code": 0, "kind": "finetune", "precision": "bf16", "rows": 32, "tokens": 16, "step_ms": 44.2},
            {"step": "c", "code": 1, "end": "error: this went wrong\nmore"},
            {"step": "d", "skipped": "no time was left"},
        ]
        peer = {"what": "finetune", "mode": "bf16-compiled", "rows": 32, "tokens": 16, "step_ms": 22.1}
        steps[2]["torch"] = [peer]
        document = {"facts": {"GPU": "x"}, "seconds": 10.0, "steps": steps}
        page = table.page(document)
        for part in ("| 2.00 |", "44.2 | 22.1 | 2.00 | 22.1 (bf16-compiled) | 2.00 |", "error: this went wrong", "no time was left for: d"):
            self.assertIn(part, page)
        self.assertEqual([step["step"] for _, step in table.shortfalls(document)], ["b", "a"])


if __name__ == "__main__":
    sys.exit(unittest.main())
