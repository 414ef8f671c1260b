"""Kids that practise in a moment, for the tests of this directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from akid import ArraySource, Brain, Kid, MomentumKongFu, Sensor
from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer

LABELLED = [{"name": "ip2"}, {"name": "system_in", "idxs": [1]}]


def blobs(size: int = 50, num_val: int = 20, **kwargs: Any) -> ArraySource:
    """``size`` training examples ``[4]`` of three classes, apart from each other."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size + num_val)
    data = rng.normal(size=(size + num_val, 4)) + 2.0 * np.eye(4)[labels]
    return ArraySource(data.astype(np.float32), labels, num_val=num_val, **kwargs)


def small_brain() -> Brain:
    """ip1, relu1, ip2, loss."""
    return Brain("small").attach(
        InnerProductLayer(8, name="ip1", wd={"type": "l2", "scale": 1e-3}),
        ReLULayer(name="relu1"),
        InnerProductLayer(3, name="ip2"),
        SoftmaxWithLossLayer(3, name="loss", inputs=LABELLED),
    )


def small_kid(log_dir: Path, **kwargs: Any) -> Kid:
    """A quiet Kid of 10 steps, unless told otherwise."""
    if "max_epoch" not in kwargs:
        kwargs.setdefault("max_steps", 10)
    defaults: dict[str, Any] = {
        "kongfu": MomentumKongFu(0.1),
        "train_log_step": 5,
        "val_log_step": 5,
        "do_summary": False,
        "progress": False,
    }
    sensor = kwargs.pop("sensor", None) or Sensor(blobs(), batch_size=8)
    brain = kwargs.pop("brain", None) or small_brain()
    return Kid(sensor, brain, log_dir=log_dir, **(defaults | kwargs))


def metrics(log_dir: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = [json.loads(line) for line in (log_dir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "examples_per_second"} for line in lines]


def result(log_dir: Path) -> dict[str, Any]:
    """result.json without what depends on the clock."""
    found = json.loads((log_dir / "result.json").read_text())
    return {k: v for k, v in found.items() if k != "seconds"}


def values(kid: Kid) -> dict[str, np.ndarray]:
    """The brain's variables."""
    return {name: v.numpy() for name, v in kid.brain.named_variables().items()}
