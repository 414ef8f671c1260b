"""KongFus against Keras's optimisers, over random hyperparameters and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid import kongfus
from akid.backend import tf

keras = pytest.importorskip("keras")
Draw = np.random.Generator


def momentum(nesterov: bool) -> Callable[[Draw], tuple[Any, Any]]:
    def pair(draw: Draw) -> tuple[Any, Any]:
        lr, keep = draw.uniform(0.01, 0.1), draw.uniform(0.1, 0.95)
        ours = kongfus.MomentumKongFu(lr, momentum=keep, use_nesterov=nesterov)
        return ours, keras.optimizers.SGD(lr, momentum=keep, nesterov=nesterov)

    return pair


def adam(draw: Draw) -> tuple[Any, Any]:
    lr, beta1, beta2 = draw.uniform(0.001, 0.1), draw.uniform(0, 0.95), draw.uniform(0.5, 0.999)
    return kongfus.AdamKongFu(lr, beta1, beta2, 1e-6), keras.optimizers.Adam(lr, beta1, beta2, 1e-6)


def adamw(draw: Draw) -> tuple[Any, Any]:
    lr, decay = draw.uniform(0.001, 0.1), draw.uniform(0.001, 0.5)
    ours = kongfus.AdamWKongFu(lr, weight_decay=decay, epsilon=1e-7)
    return ours, keras.optimizers.AdamW(lr, weight_decay=decay, epsilon=1e-7)


def adagrad(draw: Draw) -> tuple[Any, Any]:
    lr, start = draw.uniform(0.01, 0.5), draw.uniform(0.1, 1)
    return kongfus.AdagradKongFu(lr, start, 1e-10), keras.optimizers.Adagrad(lr, start, 1e-10)


def rmsprop(centered: bool) -> Callable[[Draw], tuple[Any, Any]]:
    def pair(draw: Draw) -> tuple[Any, Any]:
        lr, rho, keep = draw.uniform(0.001, 0.05), draw.uniform(0.5, 0.99), draw.uniform(0.1, 0.9)
        ours = kongfus.RMSPropKongFu(lr, rho, keep, 1e-3, centered=centered)
        return ours, keras.optimizers.RMSprop(lr, rho, keep, 1e-3, centered=centered)

    return pair


def clipped(**clipping: str) -> Callable[[Draw], tuple[Any, Any]]:
    ((ours, theirs),) = clipping.items()

    def pair(draw: Draw) -> tuple[Any, Any]:
        bound = draw.uniform(0.1, 3)
        return kongfus.SGDKongFu(0.1, **{ours: bound}), keras.optimizers.SGD(0.1, **{theirs: bound})

    return pair


PAIRS = {
    "momentum": momentum(False),
    "nesterov": momentum(True),
    "adam": adam,
    "adamw": adamw,
    "adagrad": adagrad,
    "rmsprop": rmsprop(False),
    "centered rmsprop": rmsprop(True),
    "clip_value": clipped(clip_value="clipvalue"),
    "clip_norm": clipped(clip_norm="clipnorm"),
    "clip_global_norm": clipped(clip_global_norm="global_clipnorm"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_five_updates_are_those_of_keras(name: str) -> None:
    draw = np.random.default_rng(sum(map(ord, name)))
    for _ in range(3):
        ours, theirs = PAIRS[name](draw)
        start = [draw.normal(size=shape).astype(np.float32) for shape in ((3, 4), (5,))]
        mine = [tf.Variable(w) for w in start]
        others = [keras.Variable(w) for w in start]
        ours.setup({f"w{i}": v for i, v in enumerate(mine)})
        for step in range(5):
            gradients = [tf.constant(draw.normal(size=w.shape), tf.float32) for w in start]
            ours.apply(gradients, step)
            theirs.apply(gradients, others)
        for a, b in zip(mine, others, strict=True):
            np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=2e-4, atol=2e-6)
