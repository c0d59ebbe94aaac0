"""What larder, its tests and ONNX Runtime's traces say, as numbers. Standard library only, but for the history of a run."""

import json
import math
import re
import statistics

_RATES = re.compile(r"(\d+) rows/s, (\d+) real tokens/s, ([\d.]+) % padding on (.+?) \(\d+ thread")
_ANSWERED = re.compile(r"([\d,]+) rows in ([\d.]+) s on (.+), (\d+) rows/s")
_TESTS = re.compile(r"test result: (\w+)\. (\d+) passed; (\d+) failed")
SHOWN_OPERATORS = 12


def encoded(said):
    """Of the talk of `larder encode`: rates of running the encoder, without loading it; `{}` if they are not there."""
    found = _RATES.search(said)
    if found is None:
        return {}
    rows, tokens, padding, device = found.groups()
    rates = {"rows_per_second": int(rows), "tokens_per_second": int(tokens), "padding_percent": float(padding)}
    return rates | {"device": device, "notes": notes(said)}


def predicted(said):
    """Of the talk of `larder predict --output`."""
    found = _ANSWERED.search(said)
    if found is None:
        return {}
    rows, _, device, rate = found.groups()
    return {"rows": int(rows.replace(",", "")), "rows_per_second": int(rate), "device": device, "notes": notes(said)}


def notes(said):
    return [line[len("note") :].strip() for line in said.splitlines() if line.startswith("note ")]


def tests(written):
    """Of the output of a test binary. A test that skips itself passes and says so: such are counted too."""
    found = _TESTS.findall(written)
    passed, failed = (sum(int(result[at]) for result in found) for at in (1, 2))
    return {"passed": passed, "failed": failed, "skipped": written.count("SKIPPED")}


def vectors(written):
    """The vectors of `larder embed`, a JSON line a text."""
    return [next(iter(json.loads(line).values())) for line in written.splitlines() if line.startswith("{")]


def cosines(ones, others):
    """The smallest cosine between vectors of the same text."""
    def cosine(a, b):
        norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
        return sum(x * y for x, y in zip(a, b)) / norm if norm else math.nan
    return min(cosine(a, b) for a, b in zip(ones, others)) if ones and len(ones) == len(others) else math.nan


def tuned(written, history, skip):
    """Of the JSON of `larder finetune` and the path of the run's history: milliseconds of a step.

    The median of the steps after the first `skip`, where pyarrow is there to read them; else the mean of all, the first included.
    """
    training = json.loads(written)["training"]
    mean = 1e3 * training["seconds"] / training["steps"]
    losses = {"first_loss": training["first_loss"], "last_loss": training["last_loss"]}
    try:
        import pyarrow.parquet
    except ImportError:
        return {"step_ms": round(mean, 2), "step_ms_is": "mean of all steps, the first included"} | losses
    seconds = pyarrow.parquet.read_table(history, columns=["seconds"]).to_pydict()["seconds"][skip:]
    quartiles = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else seconds * 3
    spread = [round(1e3 * quartile, 2) for quartile in quartiles]
    return {"step_ms": spread[1], "step_ms_quartiles": spread, "step_ms_is": "median"} | losses


def trace(events):
    """ONNX Runtime's trace by operator: calls and milliseconds of host time, the largest first, and which provider ran them.

    On CUDA a node's time is that of starting its kernels, unless a copy to the host waits for them.
    """
    totals, providers = {}, {}
    for event in events:
        if event.get("cat") != "Node" or not event.get("name", "").endswith("_kernel_time"):
            continue
        arguments = event.get("args", {})
        key = arguments.get("op_name", "?")
        calls, microseconds = totals.get(key, (0, 0))
        totals[key] = (calls + 1, microseconds + event.get("dur", 0))
        provider = arguments.get("provider", "?")
        providers[provider] = providers.get(provider, 0) + 1
    runs = [event.get("dur", 0) for event in events if event.get("name") == "model_run"]
    largest = sorted(totals.items(), key=lambda item: -item[1][1])[:SHOWN_OPERATORS]
    return {
        "runs": len(runs),
        "run_ms": round(sum(runs) / 1e3, 2),
        "node_ms": round(sum(microseconds for _, microseconds in totals.values()) / 1e3, 2),
        "nodes_of_provider": providers,
        "operators": [
            {"op": op, "calls": calls, "ms": round(microseconds / 1e3, 2)} for op, (calls, microseconds) in largest
        ],
    }


def traces(folder):
    """The trace of the session that ran longest, of those in a folder; `None` without any."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(trace(json.loads(path.read_text(encoding="utf-8"))) | {"session": path.name})
        except ValueError:
            # The process was stopped while it wrote.
            continue
    return max(found, key=lambda one: one["run_ms"], default=None)
