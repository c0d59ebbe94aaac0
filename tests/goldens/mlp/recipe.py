"""Makes the goldens of perceptron heads: twenty steps of PyTorch on a multi-layer perceptron with two hidden layers.

Run by hand, in a virtual environment, when the goldens must change:

    python -m venv venv
    venv/bin/pip install torch==2.15.0 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python tests/goldens/mlp/recipe.py

Written beside this file, `mlp.safetensors`: `features` (float32 [20, 10]) and `labels` (int64 [20]); `class_weights` [3]; the
parameters as they start, `start.layers.<n>.weight` [out, in] and `start.layers.<n>.bias` [out]; `losses` and `norms` [20], the
loss of each step's batch before the step and the norm of all gradients before clipping; `tuned.layers.<n>.*`, the parameters
after the last step; and `logits` [20, 3], what they then answer to all rows.

`Linear(10, 12), GELU, Linear(12, 8), GELU, Linear(8, 3)`, with PyTorch's own start; cross-entropy with class weights and a label
smoothing of 0.1; batches of five rows in file order, the whole file five times over; AdamW at a constant rate of 1e-2, with a
decay of 0.01 but for biases; gradients clipped to a norm of 0.4, which is above some and below others. Everything in float32, in one thread.

`multilabel.safetensors` and `regression.safetensors` are the same with `targets` in place of `labels` and `class_weights`: float32 [20, 3], 0
or 1, under binary cross-entropy with gradients clipped to 0.2, and float32 [20, 1] under the squared error with 1; both losses are the mean over all
elements.
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
PINNED = {"torch": ("2.15.0", torch.__version__)}
ROWS, WIDTH, HIDDEN, CLASSES, BATCH, STEPS = 20, 10, (12, 8), 3, 5, 20
# Above some norms of each and below others.
CLIPS = {"mlp": 0.4, "multilabel": 0.2, "regression": 1.0}


def golden(name):
    torch.manual_seed(11)
    features = torch.randn(ROWS, WIDTH)
    classes = CLASSES
    if name == "mlp":
        labels = torch.randint(0, CLASSES, (ROWS,))
        class_weights = torch.tensor([1.0, 2.0, 0.5])
        kept = {"features": features, "labels": labels, "class_weights": class_weights}
        measure = torch.nn.CrossEntropyLoss(weight=class_weights, label_smoothing=0.1)
    elif name == "multilabel":
        labels = (torch.rand(ROWS, CLASSES) < torch.tensor([0.5, 0.3, 0.2])).float()
        kept = {"features": features, "targets": labels}
        measure = torch.nn.BCEWithLogitsLoss()
    else:
        classes = 1
        labels = torch.randn(ROWS, classes)
        kept = {"features": features, "targets": labels}
        measure = torch.nn.MSELoss()
    linears, width = [], WIDTH
    for outputs in (*HIDDEN, classes):
        linears.append(torch.nn.Linear(width, outputs))
        width = outputs
    gelu = torch.nn.GELU()
    model = torch.nn.Sequential(linears[0], gelu, linears[1], gelu, linears[2])

    def named():
        for layer, linear in enumerate(linears):
            for part, tensor in linear.named_parameters():
                yield f"layers.{layer}.{part}", tensor

    kept |= {f"start.{name}": tensor.detach().clone() for name, tensor in named()}
    groups = [
        {"params": [linear.weight for linear in linears], "weight_decay": 0.01},
        {"params": [linear.bias for linear in linears], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    losses, norms = [], []
    for step in range(STEPS):
        start = step * BATCH % ROWS
        loss = measure(model(features[start : start + BATCH]), labels[start : start + BATCH])
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPS[name]).item())
        optimizer.step()
        losses.append(loss.item())
    print(name, losses[0], losses[-1], min(norms), max(norms))
    kept |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms), "logits": model(features)}
    kept |= {f"tuned.{name}": tensor for name, tensor in named()}
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in kept.items()}, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    for package, (wanted, found) in PINNED.items():
        if found.split("+")[0] != wanted:
            sys.exit(f"{package} is {found}; the golden is made with {wanted}")
    torch.set_num_threads(1)
    for name in CLIPS:
        golden(name)
