"""Writes tests/nn/golden/torch.txt: what PyTorch 1.13 makes of a few networks, optimizers and schedules.

    /usr/bin/python3 tests/nn/make_golden.py

One line per result: its name and numbers, computed in double. Parameters, inputs and gradients follow from
formulas that test_reference.cpp knows too, so that only results need to be kept.
"""
import math
import pathlib

import torch
from torch import nn

OUT = pathlib.Path(__file__).resolve().parent / "golden" / "torch.txt"
ROWS, CLASSES = 20, 3
lines = []


def record(name, *numbers):
    lines.append(" ".join([name] + [repr(float(n)) for n in numbers]))


def wave(count, frequency, phase, size=1.0):
    return size * torch.sin(frequency * torch.arange(count, dtype=torch.float64) + phase)


def dense(layer):
    return [(layer.weight, lambda t: t.T), (layer.bias, lambda t: t)]


def conv(layer):
    return [(layer.weight, lambda t: t.permute(1, 2, 3, 0)), (layer.bias, lambda t: t)]


class Residual(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return x + self.body(x)


def tensors(module):
    """Parameters in Canopy's order, with the way to Canopy's layout."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            yield from dense(layer)
        elif isinstance(layer, nn.Conv2d):
            yield from conv(layer)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            yield from [(layer.weight, lambda t: t), (layer.bias, lambda t: t)]


def network(name, shape, smoothing, *layers):
    model = nn.Sequential(*layers).double()
    for number, (parameter, layout) in enumerate(tensors(model)):
        there = layout(parameter.data)
        there.copy_(wave(parameter.numel(), 1.7, number, 0.4).reshape(there.shape))
    x = wave(ROWS * math.prod(shape), 0.9, 0.5).reshape(ROWS, *shape)
    labels = torch.tensor([row * row % CLASSES for row in range(ROWS)])
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    loss.backward()
    record(f"{name}.loss", loss)
    record(f"{name}.logits", *logits[7])
    for number, (parameter, layout) in enumerate(tensors(model)):
        gradient = layout(parameter.grad).reshape(-1)
        record(f"{name}.gradient{number}", gradient.sum(), (gradient * wave(len(gradient), 2.3, number)).sum())
    for layer in model.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            record(f"{name}.running_mean", *layer.running_mean)
            record(f"{name}.running_var", *layer.running_var)


def optimizer(name, make):
    p = nn.Parameter(wave(6, 1.1, 0.3))
    optimizer = make([p])
    for step in range(1, 6):
        p.grad = wave(6, 0.7, step)
        optimizer.step()
        record(f"{name}.{step}", *p.data)


def schedule(name, steps, make):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    record(name, *rates)


network("dense", (5,), 0.1, nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 4), nn.Tanh(), nn.Linear(4, 4), nn.GELU(),
        nn.Linear(4, 3))
network("conv", (2, 9, 8), 0, nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(5, 4, 3, stride=2, padding=2), nn.AvgPool2d(2, 1), nn.Flatten(), nn.Linear(16, 3))
network("pool", (2, 9, 8), 0.2, nn.MaxPool2d(3, 2), nn.Conv2d(2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(18, 3))
network("norm", (2, 5, 6), 0, nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(),
        Residual(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)), nn.Flatten(), nn.Linear(36, 3))

SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
optimizer("sgd", lambda p: SGD(p, lr=0.1))
optimizer("sgd_momentum", lambda p: SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05))
optimizer("sgd_nesterov", lambda p: SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True))
optimizer("adam", lambda p: Adam(p, lr=0.1, weight_decay=0.05))
optimizer("adamw", lambda p: AdamW(p, lr=0.1, weight_decay=0.05))

lr_scheduler = torch.optim.lr_scheduler
schedule("constant", 4, lambda o: lr_scheduler.ConstantLR(o, 1))
schedule("step", 12, lambda o: lr_scheduler.StepLR(o, 5, 0.2))
schedule("cosine", 10, lambda o: lr_scheduler.CosineAnnealingLR(o, 10, 0.01))
schedule("one_cycle", 40, lambda o: lr_scheduler.OneCycleLR(o, 0.3, epochs=10, steps_per_epoch=4, pct_start=0.4,
                                                            div_factor=20, final_div_factor=500,
                                                            cycle_momentum=False))
OUT.write_text("\n".join(lines) + "\n")
