"""The same work with PyTorch and transformers: a JSON line for each measurement, so that what was done before a limit counts.

    torch_peer.py finetune|encode --config config.json [--lengths lengths.json] --steps N --skip N

Fine-tuning: forward, backward, clipping to a norm of 1, fused AdamW, no dropout, the loss read every ten steps. Encoding: batches of
texts of like length to mean vectors on the host, SDPA, bfloat16 on a GPU.
"""

import argparse
import json
import statistics
import sys
import time

import torch
import transformers

SHAPES = [(32, 16), (32, 128), (16, 512)]
# Compiled last: it may take longer than is left.
MODES = ["f32", "bf16", "bf16-compiled"]
LOSS_EVERY = 10
ENCODE_ROWS = 256


def tell(**measured):
    print(json.dumps(measured), flush=True)


def synchronise(device):
    if device == "cuda":
        torch.cuda.synchronize()


def peaks(device):
    if device != "cuda":
        return {}
    peak = {"allocated_mib": torch.cuda.max_memory_allocated() >> 20, "reserved_mib": torch.cuda.max_memory_reserved() >> 20}
    torch.cuda.reset_peak_memory_stats()
    return peak


def finetune(options, config, device):
    for mode in MODES[: 3 if device == "cuda" else 2]:
        for rows, tokens in SHAPES:
            try:
                step_of(options, config, device, mode, rows, tokens)
            except Exception as problem:  # One that fails leaves the others.
                tell(what="finetune", mode=mode, rows=rows, tokens=tokens, problem=f"{type(problem).__name__}: {problem}"[:300])


def step_of(options, config, device, mode, rows, tokens):
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config).to(device).train()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=3e-5, fused=True)
    batch = {
        "input_ids": torch.randint(5, config.vocab_size, (rows, tokens), device=device),
        "attention_mask": torch.ones((rows, tokens), dtype=torch.long, device=device),
        "labels": torch.randint(0, 2, (rows,), device=device),
    }
    run = torch.compile(model) if mode.endswith("compiled") else model
    peaks(device)
    begun, took = time.perf_counter(), []
    for number in range(1, options.steps + options.skip + 1):
        synchronise(device) if number % LOSS_EVERY == 0 else None
        started = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=mode.startswith("bf16")):
            loss = run(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if number % LOSS_EVERY == 0:
            float(loss.detach())
        took.append((number, started))
    synchronise(device)
    ended = time.perf_counter()
    # From one reading of the loss to the next: the steps between run without waiting for the device.
    first = next(at for number, at in took if number > options.skip)
    marks = [at for number, at in took if number > options.skip and (number - options.skip - 1) % LOSS_EVERY == 0]
    blocks = [(b - a) / LOSS_EVERY for a, b in zip(marks, marks[1:])] or [(ended - first) / options.steps]
    tell(
        what="finetune", mode=mode, rows=rows, tokens=tokens, step_ms=round(1e3 * statistics.median(blocks), 2),
        mean_ms=round(1e3 * (ended - first) / options.steps, 2), start_seconds=round(first - begun, 1), **peaks(device),
    )


def encode(options, config, device):
    model = transformers.AutoModel.from_config(config).to(device).eval()
    if device == "cuda":
        model = model.to(torch.bfloat16)
    lengths = json.loads(open(options.lengths, encoding="utf-8").read())
    for name, of in lengths.items():
        of = sorted(of)
        batches = [of[at : at + ENCODE_ROWS] for at in range(0, len(of), ENCODE_ROWS)]
        for seconds in (run_all(model, batches[:: max(1, len(batches) // 8)], config, device), None):
            # The first pass, over an eighth of the batches at most, warms up.
            if seconds is None:
                seconds = run_all(model, batches, config, device)
                tell(what="encode", set=name, rows_per_second=round(len(of) / seconds), tokens_per_second=round(sum(of) / seconds))


def run_all(model, batches, config, device):
    synchronise(device)
    started = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            lengths = torch.tensor(batch, device=device)
            ids = torch.randint(5, config.vocab_size, (len(batch), batch[-1]), device=device)
            mask = (torch.arange(batch[-1], device=device)[None, :] < lengths[:, None]).long()
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask[:, :, None].to(states.dtype)
            ((states * weights).sum(1) / weights.sum(1)).float().cpu()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["finetune", "encode"])
    parser.add_argument("--config", required=True)
    parser.add_argument("--lengths")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--skip", type=int, required=True)
    parser.add_argument("--device", required=True)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    # As ONNX Runtime multiplies float32 on CUDA.
    torch.backends.cuda.matmul.allow_tf32 = True
    config = transformers.AutoConfig.from_pretrained(options.config, num_labels=2)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    name = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    tell(what="versions", torch=torch.__version__, transformers=transformers.__version__, device=name)
    {"finetune": finetune, "encode": encode}[options.what](options, config, options.device)


if __name__ == "__main__":
    sys.exit(main())
