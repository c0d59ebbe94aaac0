"""Steps that cannot stop each other: each a process with a time limit, all of them within one deadline; and what the GPU did
meanwhile. Standard library only.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

# What a step may leave unused of the whole time, for the tables to be written.
SPARE_SECONDS = 5
# A step with less time left is not begun.
SHORTEST_SECONDS = 8
KEPT_CHARACTERS = 6000
SAMPLE_MILLISECONDS = 200


class GpuSampler:
    """Memory in use (MiB) and utilisation (percent) of the first GPU, polled; without `nvidia-smi` nothing is known."""

    def __init__(self):
        self.samples = []
        self.process = None
        if shutil.which("nvidia-smi") is None:
            return
        query = ["nvidia-smi", "--id=0", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]
        self.process = subprocess.Popen(
            [*query, f"--loop-ms={SAMPLE_MILLISECONDS}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            try:
                memory, utilisation = (float(number) for number in line.split(","))
            except ValueError:
                continue
            self.samples.append((time.monotonic(), memory, utilisation))

    def between(self, start, end):
        """`{}` where nothing was polled."""
        inside = [sample for sample in self.samples if start <= sample[0] <= end]
        if not inside:
            return {}
        busy = [utilisation for _, _, utilisation in inside if utilisation > 0]
        return {
            "gpu_peak_mib": max(memory for _, memory, _ in inside),
            "gpu_utilisation_percent": round(sum(busy) / len(busy), 1) if busy else 0.0,
        }

    def stop(self):
        if self.process is not None:
            self.process.kill()


class Steps:
    """Runs steps and keeps what came of each, in `records` and in the files `steps.log` and `gpu_check.json`."""

    def __init__(self, out: pathlib.Path, budget_seconds: float, environment: dict):
        self.out, self.environment = out, environment
        self.started = time.monotonic()
        self.deadline = self.started + budget_seconds - SPARE_SECONDS
        self.sampler = GpuSampler()
        self.records = []
        self.facts = {}
        self.log = open(out / "steps.log", "w", encoding="utf-8")

    def left(self):
        return self.deadline - time.monotonic()

    def run(self, name, limit, command, environment=None):
        """What the process wrote and said, `(stdout, stderr)`; `None` if it failed or did not fit."""
        limit = min(limit, self.left())
        record = {"step": name}
        self.records.append(record)
        if limit < SHORTEST_SECONDS:
            record["skipped"] = "no time was left"
            print(f"{name}: skipped, no time was left", flush=True)
            self.save()
            return None
        command = [str(word) for word in command]
        self.log.write(f"== {name}: {' '.join(command)}\n")
        begun = time.monotonic()
        written, said = "", ""
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                errors="replace", env=self.environment | (environment or {}), start_new_session=True,
            )
            try:
                written, said = process.communicate(timeout=limit)
                code = process.returncode
            except subprocess.TimeoutExpired:
                # With all that it started.
                os.killpg(process.pid, signal.SIGKILL)
                written, said = process.communicate()
                code = "timeout"
        except OSError as problem:
            code, said = "not started", str(problem)
        ended = time.monotonic()
        record |= {"code": code, "seconds": round(ended - begun, 2), **self.sampler.between(begun, ended)}
        if code != 0:
            record["end"] = (said or written)[-600:]
        self.log.write(f"{written[-KEPT_CHARACTERS:]}\n{said[-KEPT_CHARACTERS:]}\n-- {code}\n")
        self.log.flush()
        last = (said.strip() or written.strip() or "-").splitlines()[-1][:140]
        print(f"{name}: {'ok' if code == 0 else code}, {ended - begun:.1f} s: {last}", flush=True)
        self.save()
        # What a process that ran out of time had measured by then still counts.
        return (written, said) if code in (0, "timeout") else None

    def tell(self, **measured):
        """Adds what was read from a step's output to its record."""
        self.records[-1] |= measured
        self.save()

    def problem(self, text):
        self.tell(problem=text)
        print(f"{self.records[-1]['step']}: {text}", flush=True)

    def save(self):
        document = {"facts": self.facts, "seconds": round(time.monotonic() - self.started, 1), "steps": self.records}
        whole = self.out / "gpu_check.json.part"
        whole.write_text(json.dumps(document, indent=1), encoding="utf-8")
        whole.replace(self.out / "gpu_check.json")

    def close(self):
        self.sampler.stop()
        self.save()
        self.log.close()
