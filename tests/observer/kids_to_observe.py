"""Kids to look into: every kind of synapse layer, nested brains, feedback, several losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from akid import ArraySource, Brain, DigitsSource, Kid, MomentumKongFu, PadJoker, Sensor
from akid.layers import (
    Convolution1DLayer,
    ConvolutionLayer,
    GlobalPoolingLayer,
    InnerProductLayer,
    MergeLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
    TransposedConvolutionLayer,
)

LABEL = {"name": "system_in", "idxs": [1]}


def digits_kid(log_dir: Path, **options: Any) -> Kid:
    """A small network of the digits: conv1, relu1, unit (a brain with a branch), ip1, loss."""
    unit = Brain("unit").attach(
        ReLULayer(name="relu"),
        ConvolutionLayer(3, out_channel_num=4, depthwise=True, initial_bias_value=None, name="deep"),
        MergeLayer(inputs=["deep", {"name": "system_in", "idxs": [0]}], name="merge"),
    )
    brain = Brain("net").attach(
        ConvolutionLayer(3, out_channel_num=4, wd={"type": "l2", "scale": 1e-3}, name="conv1"),
        ReLULayer(name="relu1"),
        unit,
        InnerProductLayer(10, name="ip1"),
        SoftmaxWithLossLayer(10, inputs=["ip1", LABEL], name="loss"),
    )
    sensor = Sensor(DigitsSource(num_val=100), batch_size=32, jokers=[PadJoker([1, 1])])
    defaults = {"max_steps": 20, "train_log_step": 5, "val_log_step": 10, "progress": False}
    return Kid(sensor, brain, MomentumKongFu(0.05), log_dir=log_dir, **(defaults | options))


def odd_kid(log_dir: Path) -> Kid:
    """Coloured images; a transposed convolution, no biases, and an output that no loss takes."""
    rng = np.random.default_rng(0)
    source = ArraySource(rng.integers(0, 255, [30, 5, 5, 3], np.uint8), rng.integers(0, 3, 30), num_val=10)
    brain = Brain().attach(
        ConvolutionLayer(3, out_channel_num=7, initial_bias_value=None, name="conv"),
        TransposedConvolutionLayer(3, out_channel_num=2, strides=2, name="deconv"),
        GlobalPoolingLayer(name="pool"),
        InnerProductLayer(3, initial_bias_value=None, name="ip"),
        SoftmaxWithLossLayer(3, inputs=["ip", LABEL], name="loss"),
    )
    return Kid(Sensor(source, batch_size=10), brain, max_steps=1, log_dir=log_dir, progress=False)


def sequence_kid(log_dir: Path) -> Kid:
    """Sequences, which are no images."""
    rng = np.random.default_rng(0)
    source = ArraySource(rng.normal(size=[30, 6, 2]).astype(np.float32), rng.integers(0, 3, 30), num_val=10)
    brain = Brain().attach(
        Convolution1DLayer(3, out_channel_num=4, name="conv"),
        GlobalPoolingLayer(name="pool"),
        InnerProductLayer(3, name="ip"),
        SoftmaxWithLossLayer(3, inputs=["ip", LABEL], name="loss"),
    )
    return Kid(
        Sensor(source, batch_size=10), brain, max_steps=1, log_dir=log_dir, do_summary=False, progress=False
    )
