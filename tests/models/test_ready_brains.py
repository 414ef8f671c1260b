"""The ready brains learn, every parameter of them, and can be exported; declared as in a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import BlockError
from akid.layers import ConvolutionLayer
from akid.manifests.declare import declare_kid
from akid.models.brains import CifarResNet, MaxoutNet, ResidualUnit, WideResNet

#: The brain, and how many rows and columns are put around the digits of 8 x 8.
BRAINS: list[tuple[dict[str, Any], int]] = [
    ({"type": "AlexNet", "class_num": 10, "hidden": 16}, 28),
    ({"type": "VGGNet", "depth": 11, "class_num": 10, "hidden": 16, "bn": True}, 12),
    ({"type": "ResNet", "depth": 18, "class_num": 10}, 12),
    ({"type": "CifarResNet", "depth": 8}, 0),
    ({"type": "WideResNet", "depth": 10, "width": 2, "keep_prob": 0.7}, 0),
    ({"type": "MaxoutNet", "bn": True}, 0),
    ({"type": "AllConvNet"}, 0),
    ({"type": "VisionTransformer", "class_num": 10, "patch_size": 4, "dim": 8, "depth": 2, "head_num": 2}, 0),
]


def declared(brain: dict[str, Any], pad: int, log_dir: Path) -> Any:
    source = {"type": "DigitsSource", "num_train": 8, "num_val": 4, "num_test": 4}
    sensor = {"source": source, "batch_size": 4, "jokers": [{"type": "PadJoker", "padding": [pad, pad]}]}
    options = {"max_steps": 1, "do_summary": False, "save_chk_point": False}
    spec = {"sensor": sensor, "brain": brain, "kongfu": {"type": "MomentumKongFu", "lr_scheme": 0.01}, **options}
    kid = declare_kid(spec, log_dir=log_dir).kid
    kid.show_progress = False
    return kid


@pytest.mark.parametrize(("brain", "pad"), BRAINS, ids=[brain["type"] for brain, _ in BRAINS])
def test_a_ready_brain_learns_and_is_exported(brain: dict[str, Any], pad: int, tmp_path: Path) -> None:
    kid = declared(brain, pad, tmp_path)
    kid.setup()
    before = {name: parameter.numpy() for name, parameter in kid.brain.parameters.items()}
    assert np.isfinite(kid.practice())
    still = [n for n, p in kid.brain.parameters.items() if np.array_equal(p.numpy(), before[n])]
    # What is added to all keys alike changes no attention: it has no gradient but that of rounding.
    assert [name for name in still if not name.endswith("key/biases")] == []
    images = kid.sensor.batch(0, "val")[0]
    served = tf.saved_model.load(str(kid.export())).signatures["serving_default"](data=images)
    assert served["loss"].shape == [4, 10]
    np.testing.assert_allclose(served["loss"], kid.predict(images)["loss"], rtol=1e-4, atol=1e-5)


def test_a_unit_adds_what_goes_past_its_branch() -> None:
    unit, x = ResidualUnit(4), np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype(np.float32)
    unit(x)
    unit["bn2/gamma"].assign(tf.zeros(4))
    np.testing.assert_array_equal(unit(x), np.maximum(x, 0))


def test_a_shortcut_without_parameters_takes_every_second_place_and_pads_channels() -> None:
    unit, x = ResidualUnit(4, 2, 2, "pad"), np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    unit(x)
    unit["bn2/gamma"].assign(tf.zeros(4))
    expected = np.pad(x[:, ::2, ::2], [(0, 0), (0, 0), (0, 0), (1, 1)])
    np.testing.assert_array_equal(unit(x), np.maximum(expected, 0))


def test_the_activations_of_the_listing_take_the_place_of_maxout() -> None:
    brain = MaxoutNet(activation=[{"type": "relu"}] * 4)
    kinds = [type(block).__name__ for block in brain]
    assert kinds.count("ReLULayer") == 4
    assert "MaxoutLayer" not in kinds
    kernels = [b.ksize for b in MaxoutNet() if isinstance(b, ConvolutionLayer)]
    assert kernels == [(8, 8), (8, 8), (5, 5)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CifarResNet(21), r"depth must be 6n \+ 2, such as 20, 32, 44, 56 or 110. Received: depth=21"),
        (lambda: WideResNet(20), r"depth must be 6n \+ 4, such as 10, 16, 22, 28 or 40. Received: depth=20"),
        (lambda: MaxoutNet(activation=["relu"]), r"activation must be a list of 4, one for each hidden block"),
        (lambda: ResidualUnit(4, shortcut="padd"), r"shortcut must be one of .* Did you mean 'pad'\?"),
    ],
    ids=["depth", "wide depth", "activation", "shortcut"],
)
def test_a_brain_that_cannot_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()
