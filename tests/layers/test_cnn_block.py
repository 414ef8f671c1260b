"""cnn_block and the MLP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers import InnerProductLayer, MaxoutLayer
from akid.layers.sugar import ACTIVATIONS, cnn_block
from akid.models.brains import MLP

IMAGE = np.random.default_rng(6).normal(size=(2, 8, 8, 3)).astype(np.float32)


def kinds(**options: Any) -> list[str]:
    return [type(block).stem for block in cnn_block(**options)]


def test_the_order_of_the_layers() -> None:
    assert kinds(ksize=3) == ["conv", "pool", "relu"]
    assert kinds(ksize=3, bn=True, keep_prob=0.5) == ["conv", "pool", "bn", "relu", "dropout"]
    assert kinds(ksize=3, bn={}, activation_before_pooling=True) == ["conv", "bn", "relu", "pool"]
    assert kinds(ksize=3, pool_size=None, activation=None, bn=False) == ["conv"]
    assert kinds(keep_prob=0.5, activation="tanh") == ["ip", "tanh", "dropout"]


def test_the_listing_of_the_paper() -> None:
    layers = cnn_block(
        ksize=[8, 8],
        init_para={"name": "uniform", "range": 0.005},
        wd={"type": "l2", "scale": 0.0005},
        out_channel_num=384,
        pool_size=[4, 4],
        pool_stride=[2, 2],
        activation={"type": "maxout", "group_size": 2},
        keep_prob=0.5,
        bn=True,
    )
    brain = Brain().attach(layers)
    trip = Trip()
    assert brain(IMAGE, trip).shape == [2, 4, 4, 192]
    assert list(trip.losses) == ["conv1/wd"]
    assert np.abs(brain["conv1/weights"].numpy()).max() <= 0.005  # type: ignore[union-attr]
    assert isinstance(brain["maxout1"], MaxoutLayer)


def test_blocks_are_numbered_in_their_brain() -> None:
    for _ in range(2):
        brain = Brain().attach(cnn_block(ksize=3), cnn_block(ksize=3), cnn_block(out_channel_num=5))
        names = [block.name for block in brain]
        assert names == ["conv1", "pool1", "relu1", "conv2", "pool2", "relu2", "ip1", "relu3"]
        assert brain(IMAGE).shape == [2, 5]


def test_the_arguments_arrive() -> None:
    conv, pool, bn, _ = cnn_block(
        [1, 5, 5, 1], "VALID", 0.1, "msra", {"type": "l1", "scale": 1}, 2.0, 7, 3, 1, bn={"momentum": 0.2}
    )
    shown = "ksize=(5, 5), strides=(1, 1), out_channel_num=7, wd=Regularizer(type='l1', scale=1.0), max_norm=2.0"
    assert shown in repr(conv)
    assert (conv.padding, conv.initial_bias_value) == ("VALID", 0.1)  # type: ignore[attr-defined]
    assert (pool.ksize, pool.strides) == ((3, 3), (1, 1))  # type: ignore[attr-defined]
    assert bn.momentum == 0.2  # type: ignore[attr-defined]
    ip = cnn_block(max_norm=2.0)[0]
    assert isinstance(ip, InnerProductLayer)
    assert ip.max_norm == 2.0


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_activation_runs(kind: str) -> None:
    brain = Brain().attach(cnn_block(out_channel_num=8, activation={"type": kind}))
    assert brain(IMAGE).shape[0] == 2


def test_the_arguments_are_not_changed() -> None:
    activation, bn, pool = {"type": "maxout", "group_size": 2}, {"eps": 0.1}, [2, 2]
    cnn_block(3, activation=activation, bn=bn, pool_size=pool, pool_stride=pool)
    assert (activation, bn, pool) == ({"type": "maxout", "group_size": 2}, {"eps": 0.1}, [2, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: cnn_block(activation="rleu"),
            r"activation: expected a name or \{'type': name, ...\}. Did you mean 'relu'\? Received: 'rleu'",
        ),
        (lambda: cnn_block(activation={"group_size": 2}), r"activation: expected a name .* \{'group_size': 2\}"),
        (
            lambda: cnn_block(activation={"type": "relu", "group_size": 2}),
            r"activation: ReLULayer has no argument 'group_size'.* Received: \{'group_size': 2\}",
        ),
        (
            lambda: cnn_block(bn={"momentun": 0.1}),
            r"bn: BatchNormalizationLayer has no .*'momentun'.* Received: \{",
        ),
    ],
)
def test_errors_of_cnn_block_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()


def test_mlp() -> None:
    brain = MLP(5, hidden=[7, 6], activation={"type": "maxout", "group_size": 1}, bn=True, keep_prob=0.5)
    trip = Trip(training=True)
    assert brain([IMAGE, np.array([1, 2])], trip).shape == []
    assert [block.name for block in brain] == [
        *("ip1", "bn1", "maxout1", "dropout1", "ip2", "bn2", "maxout2", "dropout2", "ip3", "loss"),
    ]
    assert set(trip.losses) == {"loss"}
    assert set(brain.predict(IMAGE)) == {"ip3", "loss"}


def test_mlp_without_hidden_layers_is_a_linear_classifier() -> None:
    assert [block.name for block in MLP(5, hidden=[])] == ["ip1", "loss"]
