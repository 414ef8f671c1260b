"""The same Kids under several engines: ``python learners.py ENGINE DIRECTORY [CASE ...]``, a process of its own.

Engines with several devices or processes must be made before anything of TensorFlow runs. What each Kid has learnt
is written to ``DIRECTORY/CASE.npz``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from akid import AdamKongFu, ArraySource, Brain, FlipJoker, Kid, MomentumKongFu, PadJoker, Sensor
from akid.layers import (
    AUCLayer,
    BatchNormalizationLayer,
    BCELossLayer,
    ConvolutionLayer,
    DropoutLayer,
    InnerProductLayer,
    MergeLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)

ENGINES: dict[str, Any] = {
    "single": "single",
    "data_parallel": {"name": "data_parallel", "num_gpu": 2, "devices": "cpu"},
    "multi_worker": "multi_worker",
    "parameter_server": "parameter_server",
    "float16": {"name": "multi_worker", "compression": "float16"},
}
LABELLED = [{"name": "ip"}, {"name": "system_in", "idxs": [1]}]


def pictures(parity: bool = False) -> ArraySource:
    """77 + 20 pictures ``[6, 6, 2]`` of three classes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 97)
    data = 0.3 * (rng.normal(size=(97, 6, 6, 2)) + labels[:, None, None, None])
    second = [(labels == 0).astype(np.float32)[:, None]] if parity else []
    return ArraySource(data.astype(np.float32), [labels, *second], num_val=20)


def ending(**options: Any) -> list[Any]:
    return [
        InnerProductLayer(3, name="ip", **options),
        SoftmaxWithLossLayer(3, inputs=LABELLED, name="loss"),
    ]


def convolution() -> ConvolutionLayer:
    return ConvolutionLayer(3, out_channel_num=4, name="conv")


def plain() -> dict[str, Any]:
    return {"brain": Brain().attach(convolution(), ReLULayer(), *ending(wd={"type": "l2", "scale": 1e-2}))}


def random() -> dict[str, Any]:
    jokers = [PadJoker([1, 1]), FlipJoker()]
    brain = Brain().attach(convolution(), ReLULayer(), DropoutLayer(0.5), *ending(max_norm=0.5))
    return {"brain": brain, "sensor": Sensor(pictures(), batch_size=15, jokers=jokers)}


def averaged() -> dict[str, Any]:
    kongfu = AdamKongFu(0.01, clip_global_norm=0.5)
    return plain() | {"kongfu": kongfu, "moving_average_decay": 0.9}


def two_losses() -> dict[str, Any]:
    """The second label is whether it is the first class; its measure needs all examples at once."""
    second = [{"name": "ip2"}, {"name": "system_in", "idxs": [2]}]
    brain = Brain().attach(
        convolution(),
        *ending(),
        InnerProductLayer(1, inputs=["conv"], name="ip2"),
        BCELossLayer(multiplier=0.5, inputs=second, name="loss2"),
        AUCLayer(inputs=second, name="auc"),
    )
    return {"brain": brain, "sensor": Sensor(pictures(parity=True), batch_size=15, val_batch_size=6)}


def feedback() -> dict[str, Any]:
    brain = Brain(time_steps=3).attach(
        convolution(),
        MergeLayer(inputs=["conv", "back"], name="merge"),
        DropoutLayer(0.3, name="drop"),
        ConvolutionLayer(3, out_channel_num=4, name="back"),
        *ending(),
    )
    return {"brain": brain}


def fine_tuned() -> dict[str, Any]:
    """Begins with what another run, beside those of the engines, has learnt, but for the last layer."""
    source = {"path": Path(sys.argv[2]).parent / "source", "exclude": ["ip/*"]}
    return plain() | {"initialize_from": source, "moving_average_decay": 0.9}


def normalised() -> dict[str, Any]:
    """Batch normalisation, whose statistics are those of a replica's rows: not what one replica learns."""
    brain = Brain().attach(convolution(), BatchNormalizationLayer(name="bn"), ReLULayer(), *ending())
    return {"brain": brain}


#: Not the same under every engine, but the same in every process.
OWN_STATISTICS = {"normalised": normalised}


def synchronised() -> dict[str, Any]:
    """Batch normalisation over the global batch; its rows differ in number between the replicas."""
    brain = Brain().attach(convolution(), BatchNormalizationLayer(sync=True, name="bn"), ReLULayer(), *ending())
    return {"brain": brain}


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": plain,
    "random": random,
    "averaged": averaged,
    "two_losses": two_losses,
    "feedback": feedback,
    "synchronised": synchronised,
    "fine_tuned": fine_tuned,
}


def learn(engine: str, directory: Path, case: str) -> None:
    """Ten steps with uneven slices of the batch, two validations, the last batch of them smaller."""
    made = {"sensor": Sensor(pictures(), batch_size=15, val_batch_size=6), "kongfu": MomentumKongFu(0.01)}
    options = {"train_log_step": 5, "val_log_step": 5, "max_steps": 10, "progress": False, "seed": 3}
    kid = Kid(
        **made | options | (CASES | OWN_STATISTICS)[case](), engine=ENGINES[engine], log_dir=directory / case
    )
    loss, evals = kid.practice(return_eval=True)
    learnt = {name.replace("/", "."): value.numpy() for name, value in kid.brain.named_variables().items()}
    noted = {"loss": kid.loss, "val_loss": loss, **{f"val_{name}": value for name, value in evals.items()}}
    probabilities = kid.predict(kid.sensor.data(split="val"))["loss"]
    member = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]
    np.savez(directory / f"{case}.{member}.npz", probabilities=probabilities, **learnt, **noted)


if __name__ == "__main__":
    for case in sys.argv[3:] or CASES | OWN_STATISTICS:
        learn(sys.argv[1], Path(sys.argv[2]), case)
