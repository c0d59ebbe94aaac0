"""The measurements beside the bars, as a Markdown page. Standard library only."""

# Measured on one H100, BERT-base with random weights. Encoding: ONNX Runtime 1.31.1 alone, TF32 or fused float16 (a rate: more is
# better). A step of fine-tuning, dropout 0: the first prototype of these training graphs, and the faster of PyTorch 2.11 eager and
# compiled in the same precision with fused AdamW (milliseconds: less is better).
ENCODE_BARS = {
    ("sentences", "auto"): 56_035, ("sentences", "half-padded"): 119_495, ("sentences", "half"): 149_955,
    ("paragraphs", "auto"): 670_782, ("paragraphs", "half-padded"): 2_021_681, ("paragraphs", "half"): 2_004_075,
}
TORCH_ENCODE_BARS = {"sentences": 28_974, "paragraphs": 1_632_253}
FINETUNE_BARS = {
    ("f32", 32, 16): (21.8, 27.8), ("f32", 32, 128): (32.3, 33.2), ("f32", 16, 512): (64.0, 51.7),
    ("bf16", 32, 16): (22.1, 34.0), ("bf16", 32, 128): (24.6, 38.4), ("bf16", 16, 512): (42.8, 49.0),
    ("f16", 32, 16): (19.8, 34.0), ("f16", 32, 128): (23.5, 38.4), ("f16", 16, 512): (None, 49.0),
}
# What is counted: sentences of a set of short ones, tokens of one of long ones.
RATE_OF = {"sentences": "rows_per_second", "paragraphs": "tokens_per_second"}


def ratio(value, bar):
    return f"{value / bar:.2f}" if value and bar else "-"


def number(value):
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}"


def reason(end):
    """The line of a failed process's last words that names the error, else the last."""
    said = end.strip().splitlines() or ["-"]
    return next((line for line in said if "error" in line.lower()), said[-1])[:200]


def torch_ms(document, precision, rows, tokens):
    """The fastest of PyTorch's ways on this machine, in that precision: for float16 those of bfloat16."""
    mode = "f32" if precision == "f32" else "bf16"
    measured = [one for one in torch_lines(document, "finetune") if (one["rows"], one["tokens"]) == (rows, tokens)]
    measured = [one for one in measured if one["mode"].startswith(mode) and "step_ms" in one]
    return min(measured, key=lambda one: one["step_ms"], default=None)


def torch_lines(document, what):
    return [line for step in document["steps"] for line in step.get("torch", []) if line.get("what") == what]


def steps_of(document, kind):
    return [step for step in document["steps"] if step.get("kind") == kind]


def shortfalls(document):
    """How many times slower each measured step is than the H100's bar, the worst first: `(factor, step)`."""
    found = []
    for step in steps_of(document, "encode"):
        rate = step.get(RATE_OF[step["set"]])
        if rate:
            found.append((ENCODE_BARS[step["set"], step["graph"]] / rate, step))
    for step in steps_of(document, "finetune"):
        bar = min(filter(None, FINETUNE_BARS[step["precision"], step["rows"], step["tokens"]]))
        if step.get("step_ms"):
            found.append((step["step_ms"] / bar, step))
    return sorted(found, key=lambda one: -one[0])


def page(document):
    facts, lines = document["facts"], []
    lines += ["# larder on a GPU", "", "; ".join(f"{name}: {value}" for name, value in facts.items()), ""]
    failed = [step for step in document["steps"] if step.get("code", 0) != 0 or "problem" in step]
    skipped = [step["step"] for step in document["steps"] if "skipped" in step]
    lines.append(f"{len(document['steps']) - len(failed) - len(skipped)} of {len(document['steps'])} steps ended well "
                 f"in {document['seconds']:.0f} s.")
    for step in failed:
        lines.append(f"- FAILED {step['step']} ({step.get('code')}): {step.get('problem') or reason(step.get('end', ''))}")
    if skipped:
        lines.append(f"- no time was left for: {', '.join(skipped)}")

    lines += ["", "## Correctness", "", "| what | result |", "|---|---|"]
    for step in steps_of(document, "tests"):
        counts = ", ".join(f"{step[name]} {name}" for name in ("passed", "failed", "skipped") if name in step)
        lines.append(f"| {step['step']} | {counts or step.get('code')} |")
    for step in steps_of(document, "vectors"):
        if "cosine" in step:
            lines.append(f"| {step['step']}: smallest cosine to float32 on the CPU | {step['cosine']:.6f} |")

    lines += ["", "## Encoding (more is better)", "", "| set | graph | rate | real tokens/s | H100 bar | rate / bar | "
              "PyTorch here | rate / PyTorch | peak MiB | GPU % | said |", "|---|---|---|---|---|---|---|---|---|---|---|"]
    here = {one["set"]: one for one in torch_lines(document, "encode")}
    for step in steps_of(document, "encode"):
        of, bar = RATE_OF[step["set"]], ENCODE_BARS[step["set"], step["graph"]]
        peer = here.get(step["set"], {}).get(of)
        unit = of.replace("_per_second", "/s").replace("rows", "sentences")
        lines.append(
            f"| {step['set']} | {step['graph']} | {number(step.get(of))} {unit} | {number(step.get('tokens_per_second'))} | "
            f"{number(bar)} | {ratio(step.get(of), bar)} | {number(peer)} | {ratio(step.get(of), peer)} | "
            f"{number(step.get('gpu_peak_mib'))} | {step.get('gpu_utilisation_percent', '-')} | {'; '.join(step.get('notes', []))} |"
        )
    for name, one in here.items():
        rate, bar = one[RATE_OF[name]], TORCH_ENCODE_BARS[name]
        lines.append(f"| {name} | PyTorch, batches of 256 | {number(rate)} | {number(one['tokens_per_second'])} | {number(bar)} | "
                     f"{ratio(rate, bar)} | | | | | |")

    lines += ["", "## A step of fine-tuning (milliseconds: less is better)", "",
              "| rows x tokens | precision | larder | H100 bar | ms / bar | PyTorch here | ms / PyTorch | PyTorch on the H100 | "
              "peak MiB | PyTorch's | GPU % | losses |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for step in steps_of(document, "finetune"):
        precision, rows, tokens = step["precision"], step["rows"], step["tokens"]
        bar, h100 = FINETUNE_BARS[precision, rows, tokens]
        peer = torch_ms(document, precision, rows, tokens) or {}
        losses = f"{step['first_loss']:.3f} to {step['last_loss']:.3f}" if "first_loss" in step else "-"
        peer_said = f"{number(peer['step_ms'])} ({peer['mode']})" if peer else "-"
        lines.append(
            f"| {rows} x {tokens} | {precision} | {number(step.get('step_ms'))} | {number(bar)} | {ratio(step.get('step_ms'), bar)} | "
            f"{peer_said} | {ratio(step.get('step_ms'), peer.get('step_ms'))} | {number(h100)} | "
            f"{number(step.get('gpu_peak_mib'))} | {number(peer.get('reserved_mib'))} | "
            f"{step.get('gpu_utilisation_percent', '-')} | {losses} |"
        )
    torch = torch_lines(document, "finetune")
    if torch:
        lines += ["", "PyTorch here: " + "; ".join(
            f"{one['mode']} {one['rows']} x {one['tokens']} {one.get('step_ms', one.get('problem'))}" for one in torch)]

    for step in steps_of(document, "predict"):
        lines += ["", f"Predict: {number(step.get('rows'))} rows, {number(step.get('rows_per_second'))} rows/s on {step.get('device')}."]
    for step in steps_of(document, "profile"):
        profile = step.get("profile")
        if not profile:
            continue
        lines += ["", f"## Profile of {step['of']}", "",
                  f"{profile['runs']} runs, {profile['run_ms']:,.1f} ms, of which nodes {profile['node_ms']:,.1f} ms (host time: on CUDA that of "
                  f"starting kernels); nodes by provider: {profile['nodes_of_provider']}", "", "| operator | calls | ms |", "|---|---|---|"]
        lines += [f"| {one['op']} | {one['calls']} | {one['ms']:,.2f} |" for one in profile["operators"]]
    return "\n".join(lines) + "\n"
