"""Layers, losses and KongFus against PyTorch's: values and derivatives, in both float dtypes, at random.

torch is an optional peer, for it is no dependency even of the tests: where some Python has it (Debian's
``python3-torch`` gives one to ``/usr/bin/python3``), that one is asked; ``AKID_TORCH_PYTHON`` names another.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akid import kongfus as K  # noqa: N812
from akid import layers as L  # noqa: N812
from akid.backend import tf
from akid.blocks.trip import Trip

PYTHON = os.environ.get("AKID_TORCH_PYTHON", "/usr/bin/python3")
PEER = Path(__file__).with_name("torch_peer.py")
Draw = np.random.Generator
#: A layer of ours, the line of torch, and the shape of the signal ``x``.
Case = tuple[Any, str, tuple[int, ...]]
EXACT: Mapping[str, Any] = {"float32": {"rtol": 1e-4, "atol": 2e-5}, "float64": {"rtol": 1e-10, "atol": 1e-11}}


def asked(tmp_path: Path, cases: list[tuple[str, dict[str, np.ndarray]]]) -> Mapping[str, np.ndarray]:
    """What torch says to the cases; skips the test where nobody has it."""
    there = shutil.which(PYTHON)
    if (
        not there
        or subprocess.run([there, "-I", "-c", "import torch"], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"{PYTHON} has no torch")
    given = {str(n): np.array(line) for n, (line, _) in enumerate(cases)}
    given |= {f"{n}/{name}": array for n, (_, arrays) in enumerate(cases) for name, array in arrays.items()}
    files = tmp_path / "cases.npz", tmp_path / "answers.npz"
    np.savez(files[0], **given)
    subprocess.run([there, "-I", str(PEER), *map(str, files)], check=True, timeout=120)
    return dict(np.load(files[1]))


def window(draw: Draw) -> tuple[dict[str, Any], tuple[int, ...]]:
    ksize = draw.integers(1, 4, 2).tolist()
    shape = 2, *(int(k + draw.integers(0, 5)) for k in ksize), int(draw.integers(1, 4))
    return {"ksize": ksize, "strides": int(draw.integers(1, 4)), "padding": "VALID"}, shape


def convolution(draw: Draw, dtype: str) -> Case:
    options, shape = window(draw)
    ours = L.ConvolutionLayer(**options, out_channel_num=3, dtype=dtype)
    line = f"last(F.conv2d(first(x), weights.permute(3, 2, 0, 1), biases, stride={options['strides']}))"
    return ours, line, shape


def transposed(draw: Draw, dtype: str) -> Case:
    options, shape = window(draw)
    options["strides"] = min(options["strides"], *options["ksize"])  # else the last rows are told apart otherwise
    ours = L.TransposedConvolutionLayer(**options, out_channel_num=3, dtype=dtype)
    line = f"F.conv_transpose2d(first(x), weights.permute(3, 2, 0, 1), biases, stride={options['strides']})"
    return ours, f"last({line})", shape


def pooling(kind: str, function: str) -> Callable[[Draw, str], Case]:
    def case(draw: Draw, dtype: str) -> Case:
        options, shape = window(draw)
        line = f"last(F.{function}(first(x), {options['ksize']}, {options['strides']}))"
        return L.PoolingLayer(**options, type=kind, dtype=dtype), line, shape

    return case


def batch_normalization(draw: Draw, dtype: str) -> Case:
    eps = float(10 ** draw.uniform(-6, -2))
    line = f"last(F.batch_norm(first(x), None, None, gamma, beta, True, 0.0, {eps}))"
    return L.BatchNormalizationLayer(eps=eps, dtype=dtype), line, (4, 3, 3, 2)


def group_normalization(draw: Draw, dtype: str) -> Case:
    groups = int(draw.integers(1, 4))
    ours = L.GroupNormalizationLayer(groups, eps=1e-3, dtype=dtype)
    return ours, f"last(F.group_norm(first(x), {groups}, gamma, beta, 1e-3))", (2, 3, 4, 2 * groups)


def response_normalization(draw: Draw, dtype: str) -> Case:
    radius, alpha, beta, bias = int(draw.integers(1, 4)), *(float(n) for n in draw.uniform(0.1, 1, 3))
    ours = L.LRNLayer(radius, bias, alpha, beta, dtype=dtype)
    size = 2 * radius + 1  # torch divides by it
    line = f"last(F.local_response_norm(first(x), {size}, {alpha} * {size}, {beta}, {bias}))"
    return ours, line, (2, 3, 3, 5)


def plain(make: Callable[..., Any], line: str, *shape: int) -> Callable[[Draw, str], Case]:
    return lambda _, dtype: (make(dtype=dtype), line, shape)


CASES: dict[str, Callable[[Draw, str], Case]] = {
    "convolution": convolution,
    "transposed": transposed,
    "max pooling": pooling("max", "max_pool2d"),
    "average pooling": pooling("avg", "avg_pool2d"),
    "batch normalization": batch_normalization,
    "group normalization": group_normalization,
    "response normalization": response_normalization,
    "layer normalization": plain(L.LayerNormalizationLayer, "F.layer_norm(x, (7,), gamma, beta, 1e-5)", 4, 7),
    "inner product": plain(lambda dtype: L.InnerProductLayer(5, dtype=dtype), "x @ weights + biases", 4, 7),
    "l2 normalization": plain(L.L2NormalizationLayer, "F.normalize(x, dim=-1)", 4, 7),
    "gelu": plain(L.GELULayer, "F.gelu(x)", 4, 7),
    "gelu by tanh": plain(
        lambda dtype: L.GELULayer(approximate=True, dtype=dtype), "F.gelu(x, approximate='tanh')", 4, 7
    ),
    "leaky relu": plain(lambda dtype: L.LeakyReLULayer(0.3, dtype=dtype), "F.leaky_relu(x, 0.3)", 4, 7),
    "elu": plain(L.ELULayer, "F.elu(x)", 4, 7),
    "selu": plain(L.SELULayer, "F.selu(x)", 4, 7),
    "silu": plain(L.SiLULayer, "F.silu(x)", 4, 7),
    "softplus": plain(L.SoftplusLayer, "F.softplus(x)", 4, 7),
    "softmax": plain(L.SoftmaxLayer, "F.softmax(x, -1)", 4, 7),
}


def ours_of(layer: Any, x: np.ndarray, draw: Draw) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The arrays of a case, and what akid answers, by the same names."""
    layer(x)
    parameters = {name: v for name, v in layer.own_variables.items() if v.trainable}
    for variable in parameters.values():
        variable.assign(draw.normal(size=variable.shape))
    signal = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(signal)
        out = layer(signal, Trip(training=True))
        gradient = draw.normal(size=out.shape).astype(x.dtype)
        total = tf.reduce_sum(out * gradient)
    names = ["x", *parameters]
    derivatives = tape.gradient(total, [signal, *parameters.values()])
    answers = {"": out.numpy(), **{f"/{name}": d.numpy() for name, d in zip(names, derivatives, strict=True)}}
    return {"x": x, **{n: v.numpy() for n, v in parameters.items()}, "gradient": gradient}, answers


@pytest.mark.parametrize("dtype", list(EXACT))
def test_layers_and_their_derivatives_are_as_torch_s(tmp_path: Path, dtype: str) -> None:
    draw, cases, expected, names = np.random.default_rng(7), [], [], []
    for name, make in CASES.items():
        for _ in range(4):
            layer, line, shape = make(draw, dtype)
            arrays, answers = ours_of(layer, draw.normal(size=shape).astype(dtype), draw)
            cases.append((line, arrays))
            expected.append(answers)
            names.append(f"{name}: {layer!r} of {shape}")
    theirs = asked(tmp_path, cases)
    for number, answers in enumerate(expected):
        for what, ours in answers.items():
            told = f"{names[number]} {what or 'value'}"
            np.testing.assert_allclose(ours, theirs[f"{number}{what}"], **EXACT[dtype], err_msg=told)


OPTIMISERS = {
    "torch.optim.SGD([p], 0.1)": K.SGDKongFu(0.1),
    "torch.optim.SGD([p], 0.1, momentum=0.8)": K.MomentumKongFu(0.1, momentum=0.8),
    "torch.optim.SGD([p], 0.1, momentum=0.8, nesterov=True)": K.MomentumKongFu(0.1, 0.8, use_nesterov=True),
    # Ours adds epsilon before the correction of the bias (Kingma and Ba, 2015, end of section 2), theirs after it.
    "torch.optim.Adam([p], 0.1, (0.8, 0.95), 1e-10)": K.AdamKongFu(0.1, 0.8, 0.95, 1e-10),
    "torch.optim.AdamW([p], 0.1, eps=1e-10, weight_decay=0.3)": K.AdamWKongFu(
        0.1, weight_decay=0.3, epsilon=1e-10
    ),
    "torch.optim.Adagrad([p], 0.1, initial_accumulator_value=0.4)": K.AdagradKongFu(0.1, 0.4, 1e-10),
}


def test_twenty_steps_of_the_optimisers_are_as_torch_s(tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    start, steps = draw.normal(size=[9]), draw.normal(size=[20, 9])  # float64
    theirs = asked(tmp_path, [(line, {"p": start, "steps": steps}) for line in OPTIMISERS])
    for number, (line, kongfu) in enumerate(OPTIMISERS.items()):
        variable = tf.Variable(start)
        kongfu.setup({"p": variable})
        for step, gradient in enumerate(steps):
            kongfu.apply([tf.constant(gradient)], step)
        np.testing.assert_allclose(variable, theirs[str(number)], rtol=1e-5, atol=1e-6, err_msg=line)


LOSSES = {
    "F.cross_entropy(x, labels)": (lambda: L.SoftmaxWithLossLayer(5), "classes"),
    "F.binary_cross_entropy_with_logits(x, y)": (L.BCELossLayer, "bits"),
    "F.mse_loss(x, y)": (L.MSELossLayer, "numbers"),
}


def test_losses_and_their_derivatives_are_as_torch_s(tmp_path: Path) -> None:
    draw, cases, expected = np.random.default_rng(9), [], []
    for line, (make, kind) in LOSSES.items():
        x = draw.normal(size=[6, 5]).astype(np.float32)
        labels = draw.integers(0, 5, 6) if kind == "classes" else draw.normal(size=[6, 5]).astype(np.float32)
        labels = (labels > 0).astype(np.float32) if kind == "bits" else labels
        signal, trip = tf.constant(x), Trip(training=True)
        with tf.GradientTape() as tape:
            tape.watch(signal)
            make()([signal, tf.constant(labels)], trip)
            total = trip.total_loss
        expected.append((total.numpy(), tape.gradient(total, signal).numpy()))
        cases.append((line, {"x": x, "labels" if kind == "classes" else "y": labels, "gradient": np.float32(1)}))
    theirs = asked(tmp_path, cases)
    for number, (line, (loss, gradient)) in enumerate(zip(LOSSES, expected, strict=True)):
        np.testing.assert_allclose(loss, theirs[str(number)], rtol=1e-5, atol=1e-6, err_msg=line)
        np.testing.assert_allclose(gradient, theirs[f"{number}/x"], rtol=1e-5, atol=1e-6, err_msg=line)
