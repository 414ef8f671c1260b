"""The conformance table of the learning-rate schemes: a line for each of its forms. To add one, add a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

#: At and around the boundaries of the table, and where float32 cannot count any more.
STEPS = [0, 1, 2, 3, 4, 5, 9, 10, 11, 19, 20, 21, 49, 50, 99, 100, 101, 1000, 2**24 + 1]


def half_cosine(s: int) -> float:
    """From 0.2 to 0.01 in 50 steps."""
    return 0.01 + 0.5 * 0.19 * (1 + math.cos(math.pi * min(s / 50, 1)))


#: By id: what an ``lr_scheme`` says, and the rate at a step, in plain Python.
SCHEMES: Mapping[str, tuple[Any, Callable[[int], float]]] = {
    "constant": ({"name": "constant", "base_lr": 0.3}, lambda s: 0.3),
    "number": (0.3, lambda s: 0.3),
    "exp_decay": (
        {"name": "exp_decay", "base_lr": 0.1, "decay_rate": 0.5, "decay_steps": 10},
        lambda s: 0.1 * 0.5 ** (s // 10),
    ),
    "exp_decay without a name": (
        {"base_lr": 0.1, "decay_rate": 0.5, "decay_steps": 10},
        lambda s: 0.1 * 0.5 ** (s // 10),
    ),
    "exp_decay by epochs": (
        {"name": "exp_decay", "base_lr": 0.1, "decay_rate": 0.5, "decay_epoch_num": 2, "num_batches_per_epoch": 5},
        lambda s: 0.1 * 0.5 ** (s // 10),
    ),
    "exp_decay smooth": (
        {"name": "exp_decay", "base_lr": 0.1, "decay_rate": 0.5, "decay_steps": 10, "staircase": False},
        lambda s: 0.1 * 0.5 ** (s / 10),
    ),
    "step by values": (
        {"name": "step", "boundaries": [10, 50], "values": [0.1, 0.02, 0.003]},
        lambda s: 0.1 if s < 10 else 0.02 if s < 50 else 0.003,
    ),
    "step by boundaries": (
        {"name": "step", "base_lr": 0.1, "decay_rate": 0.2, "boundaries": [10, 50]},
        lambda s: 0.1 * 0.2 ** ((s >= 10) + (s >= 50)),
    ),
    "step by size": (
        {"name": "step", "base_lr": 0.1, "decay_rate": 0.5, "step_size": 20},
        lambda s: 0.1 * 0.5 ** (s // 20),
    ),
    "cosine": ({"name": "cosine", "base_lr": 0.2, "decay_steps": 50, "end_lr": 0.01}, half_cosine),
    "polynomial": (
        {"name": "polynomial", "base_lr": 0.2, "decay_steps": 50, "end_lr": 0.01, "power": 2},
        lambda s: 0.19 * (1 - min(s / 50, 1)) ** 2 + 0.01,
    ),
    "warmup": (
        {
            "name": "warmup",
            "warmup_steps": 10,
            "after": {"name": "cosine", "base_lr": 0.2, "decay_steps": 50, "end_lr": 0.01},
        },
        lambda s: 0.2 * (s + 1) / 10 if s < 10 else half_cosine(s - 10),
    ),
    "placeholder": ({"name": "placeholder", "base_lr": 0.7}, lambda s: 0.7),
}
