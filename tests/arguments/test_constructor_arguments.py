"""Every argument of every public class, fed with junk: an error of akid, never a crash and never silence."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid import Kid
from akid.backend import tf
from akid.blocks.initializers import Initializer
from akid.constructors import parameters_of
from akid.engines import Engine
from akid.errors import AkidError
from akid.kongfus.moving_average import MovingAverage
from akid.layers import SynapseLayer
from akid.lr_schemes import LearningRateScheme
from akid.manifests.catalog import BLOCKS, CATALOGS
from akid.manifests.parameters import classes_in, fits
from akid.models.brains import MLP
from akid.sensors import Sensor
from akid.sources import DigitsSource

CLASSES: dict[str, Callable[..., Any]] = {
    **{name: made for catalog in (*CATALOGS.values(), BLOCKS) for name, made in catalog.types.items()},
    **{f"initialiser {name}": made for name, made in Initializer.names.items()},
    **{f"engine {name}": made for name, made in Engine.names.items()},
    **{f"scheme {name}": made for name, made in LearningRateScheme.names.items()},
    **{made.__name__: made for made in (Kid, MovingAverage, SynapseLayer)},
}
#: What a constructor cannot do without.
NEEDED: dict[str, Any] = {
    "ksize": 3,
    "class_num": 10,
    "num_embeddings": 4,
    "embedding_dim": 2,
    "scatter_len_list": [1],
    "weights": [[1.0]],
    "layer": {"type": "Dense", "units": 1},
    "data": np.zeros([2, 1]),
    "work_dir": "pictures",
    "features": {"image": {"dtype": "uint8", "shape": [1]}, "label": {"dtype": "int64"}},
    "function": lambda data, trip: data,
    "height": 4,
    "width": 4,
    "channels": 4,
    "dim": 4,
    "base_lr": 0.1,
    "decay_steps": 10,
    "warmup_steps": 2,
    "after": 0.1,
}
#: The same for classes that take one of several forms.
FORMS: dict[str, dict[str, Any]] = {
    "Sensor": {"source": DigitsSource()},
    "FeedSensor": {"source": DigitsSource()},
    "GroupSoftmaxWithLossLayer": {"class_num": 8},
    "cnn_block": {"ksize": 3},
    "Kid": {"sensor": Sensor(DigitsSource()), "brain": MLP(), "max_steps": 1},
    "DatasetSource": {"train": tf.data.Dataset.from_tensors(tf.zeros([2]))},
    "TFRecordSource": {"train": "*.tfrecord"},
    "CropJoker": {"height": 2, "width": 2},
    "initialiser uniform": {"range": 1.0},
    "scheme exp_decay": {"decay_steps": 10},
    "scheme step": {"base_lr": 0.1, "decay_rate": 0.5, "step_size": 2},
}
JUNK: list[Any] = [True, 1.5, -7, "0.5", "x", "", [], ["x"], [None], {}, {"x": 1}, object(), b"x"]
#: A value out of range beside one that is in it, by argument; None for any number.
RANGES: dict[str, tuple[float, float] | None] = {
    **dict.fromkeys(
        ("out_channel_num", "group_size", "group_num", "head_num", "k", "dilation", "num_gpu"), (0, 1)
    ),
    **dict.fromkeys(("num_embeddings", "embedding_dim", "batch_size", "val_batch_size", "time_steps"), (0, 1)),
    **dict.fromkeys(("train_log_step", "val_log_step", "checkpoint_step", "summary_step"), (0, 1)),
    **dict.fromkeys(("keep_checkpoints", "ksize", "strides", "size", "height", "width"), (0, 1)),
    **dict.fromkeys(("num_batches_per_epoch", "step_size", "warmup_steps", "decay_steps"), (0, 1)),
    **dict.fromkeys(("max_norm", "clip_value", "clip_norm", "clip_global_norm", "eps", "epsilon"), (0.0, 1e-3)),
    **dict.fromkeys(("std", "alpha", "decay_rate", "decay_epoch_num", "power", "bias"), (0.0, 0.5)),
    **dict.fromkeys(("num_train", "num_val", "num_test", "split_seed", "depth_radius"), (-1, 0)),
    **dict.fromkeys(("margin", "base_lr", "end_lr", "stddev", "factor", "range", "beta"), (-0.1, 0.0)),
    **dict.fromkeys(("weight_decay", "initial_accumulator_value", "pos_weight"), (-0.1, 0.0)),
    **dict.fromkeys(("momentum", "rho", "beta1", "beta2"), (-0.1, 0.0)),
    **dict.fromkeys(("keep_prob", "central_fraction"), (0.0, 1.0)),
    **dict.fromkeys(("decay", "moving_average_decay"), (0.4, 0.5)),
    **dict.fromkeys(("initial_bias_value", "multiplier", "threshold", "mean", "value", "beta_init", "gamma_init")),
    **dict.fromkeys(("low", "high", "axis", "seed")),
    "class_num": (1, 2),
    "slope": (1.5, 1.0),
    "channels": (2, 1),
    "padding": (-1, 0),
    **dict.fromkeys(("max_steps", "max_epoch"), (-1, 0)),
    **dict.fromkeys(("hidden", "stride", "in_channels", "patch_size", "dim", "mlp_ratio", "depth"), (0, 1)),
    "input_keep_prob": (0.0, 1.0),
    "index": None,
    "lr_scheme": (-0.1, 0.0),
    "after": (-0.1, 0.0),
    "early_stopping": (0, 1),
    "pool_size": (0, 1),
    "pool_stride": (0, 1),
    "conv_strides": (0, 1),
}
#: Where a class has another range than its fellows.
SPECIAL: dict[tuple[str, str], tuple[float, float]] = {
    ("AdagradKongFu", "epsilon"): (-1.0, 0.0),
    ("LRNLayer", "alpha"): (-1.0, 0.0),
    ("GroupSoftmaxWithLossLayer", "class_num"): (1, 4),
    ("ResidualUnit", "channels"): (0, 1),
    ("PreActivationUnit", "channels"): (0, 1),
    ("VisionTransformer", "dim"): (0, 3),
    ("ResNet", "depth"): (17, 18),
    ("VGGNet", "depth"): (12, 13),
    ("CifarResNet", "depth"): (2, 8),
    ("WideResNet", "depth"): (4, 10),
}
#: Arguments that exclude another or need it: a single change tells nothing of the bound.
EITHER = (
    "low",
    "high",
    "central_fraction",
    "decay_steps",
    "decay_epoch_num",
    "num_batches_per_epoch",
    "max_epoch",
)
#: Whatever numpy makes an array of numbers of is taken.
ARRAYS = ("data", "labels")


def arguments_of(name: str) -> dict[str, Any]:
    parameters = parameters_of(CLASSES[name]).values()
    needed = {p.name: NEEDED[p.name] for p in parameters if p.default is inspect.Parameter.empty}
    return needed | FORMS.get(name, {})


def outcome(name: str, argument: str, value: Any) -> str:
    """``made``, ``refused``, or the error that should not be."""
    try:
        CLASSES[name](**{**arguments_of(name), argument: value})
    except AkidError as error:
        return "refused" if str(error) else "an empty message"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "made"


def numeric(name: str) -> list[str]:
    """The arguments that may be a number."""
    found = []
    for p in parameters_of(CLASSES[name]).values():
        kinds = set(classes_in(p.annotation))
        if kinds & {int, float} and bool not in kinds and (fits(1, p.annotation) or fits(0.5, p.annotation)):
            found.append(p.name)
    return found


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_not_of_the_annotated_type_is_refused(name: str) -> None:
    wrong = {}
    for argument, parameter in parameters_of(CLASSES[name]).items():
        if name == "ArraySource" and argument in ARRAYS:
            continue
        for junk in JUNK:
            if not fits(junk, parameter.annotation):
                said = outcome(name, argument, junk)
                if said != "refused":
                    wrong[argument, repr(junk)] = said
    assert not wrong


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_not_finite_or_out_of_range_is_refused_and_its_bound_is_taken(name: str) -> None:
    wrong = {}
    for argument in numeric(name):
        outside, inside = SPECIAL.get((name, argument), RANGES[argument]) or (math.nan, 1)
        for value in (math.nan, math.inf, outside):
            said = outcome(name, argument, value)
            if said != "refused":
                wrong[argument, value] = said
        if argument not in (*EITHER, "max_epoch"):
            said = outcome(name, argument, inside)
            if said != "made":
                wrong[argument, inside] = said
    assert not wrong


@pytest.mark.parametrize("argument", ARRAYS)
@pytest.mark.parametrize("junk", [1.5, "x", {"x": 1}, ["x"], object()], ids=lambda junk: type(junk).__name__)
def test_data_and_labels_are_arrays_of_numbers(argument: str, junk: Any) -> None:
    with pytest.raises(AkidError, match=r"ArraySource: (data|labels\[\d\]) must be an array of numbers"):
        CLASSES["ArraySource"](**{"data": [[1.0], [2.0]], argument: junk})


def test_lists_that_are_arrays_are_data() -> None:
    with pytest.raises(AkidError, match="data must be an array of numbers"):
        CLASSES["ArraySource"](data=[[1], [1, 2]])
    source = CLASSES["ArraySource"](data=[[1.0], [2.0]], labels=np.array([0, 1]))
    source.setup()
    assert source.size("train") == 2


def test_numbers_of_numpy_are_numbers() -> None:
    for name, argument, value in (
        ("SoftmaxWithLossLayer", "class_num", np.int64(3)),
        ("DropoutLayer", "keep_prob", np.float32(0.5)),
        ("Sensor", "batch_size", np.int32(4)),
    ):
        assert outcome(name, argument, value) == "made"
    assert outcome("SoftmaxWithLossLayer", "class_num", np.bool_(True)) == "refused"


def test_a_misspelt_argument_gets_a_near_match_wherever_it_is_shared() -> None:
    for name, given, meant in (
        ("ConvolutionLayer", "out_chanel_num", "out_channel_num"),
        ("AveragePoolingLayer", "paddin", "padding"),
        ("AdamWKongFu", "clip_nrm", "clip_norm"),
        ("LAMBKongFu", "beta3", "beta2"),
        ("SoftmaxWithLossLayer", "multiplyer", "multiplier"),
        ("PadJoker", "split", "splits"),
        ("DigitsSource", "num_tests", "num_test"),
    ):
        with pytest.raises(TypeError, match=f"{name} has no argument '{given}'. Did you mean '") as error:
            CLASSES[name](**{**arguments_of(name), given: 1})
        assert error.value.argument == given
        assert meant in error.value.hint or name == "LAMBKongFu"
