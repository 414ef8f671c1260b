"""Fine-tuning: a Kid begins with what another one learnt, by name, and tells what matched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_kids import LABELLED, small_kid

from akid import AkidError, Brain, DataError, Kid
from akid.backend import tf
from akid.errors import DamagedFileError, InvalidSpecError
from akid.kids.initialization import Initialization
from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer
from akid.manifests.declare import declare_kid
from akid.manifests.set_up import set_up
from akid.runs.checkpoint_files import committed
from akid.runs.matching import match

SHAPE = "has the shape (8, 3) there and (8, 5) here."
F32, F64 = tf.float32, tf.float64


def other_brain() -> Brain:
    """ip1 as in `small_brain`, another ip2, and a layer that has no counterpart."""
    return Brain("other").attach(
        InnerProductLayer(8, name="ip1", wd={"type": "l2", "scale": 1e-3}),
        ReLULayer(name="relu1"),
        InnerProductLayer(8, name="ip1b"),
        InnerProductLayer(5, name="ip2", inputs=["ip1b"]),
        SoftmaxWithLossLayer(5, name="loss", inputs=LABELLED),
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run of ten steps, its best checkpoint that of step 5 or 10."""
    directory = tmp_path_factory.mktemp("source")
    small_kid(directory).practice()
    return directory


def fine_tuned(log_dir: Path, start: Any, **options: Any) -> Kid:
    return small_kid(log_dir, brain=options.pop("brain", None) or other_brain(), initialize_from=start, **options)


def values(kid: Kid) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in kid.brain.named_variables().items()}


def learnt(checkpoint: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(checkpoint / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("brain/")]
    return {name.removeprefix("brain/"): reader.get_tensor(name) for name in names}


def test_what_has_the_same_name_shape_and_dtype_is_taken_and_the_rest_is_told(
    source: Path, tmp_path: Path
) -> None:
    kid = fine_tuned(tmp_path / "a", source)
    kid.setup()
    untouched = fine_tuned(tmp_path / "b", None)
    untouched.setup()
    newest = committed(source / "checkpoints")[-1]
    expected = values(untouched) | {n: v for n, v in learnt(newest).items() if n.startswith("ip1/")}
    for name, value in values(kid).items():
        np.testing.assert_array_equal(value, expected[name])
    assert kid.step == 0
    missing = "is not in the checkpoint."
    assert kid.initialization == Initialization(
        str(newest),
        10,
        loaded=("ip1/weights", "ip1/biases"),
        left_out={
            "ip1b/weights": missing,
            "ip1b/biases": missing,
            "ip2/weights": SHAPE,
            "ip2/biases": "has the shape (3,) there and (5,) here.",
        },
    )
    assert str(kid.initialization).splitlines()[0] == f"2 of 6 variables are those of {newest}"
    assert untouched.initialization is None


def test_a_run_that_goes_on_loads_nothing_and_remembers(source: Path, tmp_path: Path) -> None:
    start = shutil.copytree(source, tmp_path / "start")
    straight = fine_tuned(tmp_path / "straight", start)
    straight.practice()
    first = fine_tuned(tmp_path / "halves", start, max_steps=5)
    first.practice()
    shutil.rmtree(start)
    second = fine_tuned(tmp_path / "halves", start)
    second.practice()
    assert second.initialization == first.initialization
    for name, value in values(straight).items():
        np.testing.assert_array_equal(values(second)[name], value)


def test_a_run_that_began_by_itself_says_that_it_loads_nothing(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fine_tuned(tmp_path, None, max_steps=5).practice()
    kid = fine_tuned(tmp_path, source)
    kid.setup()
    assert kid.initialization is None
    assert f"initialize_from is not read: the run in {tmp_path} goes on from its own state" in caplog.text


def test_moving_averages_begin_with_what_was_taken(source: Path, tmp_path: Path) -> None:
    kid = fine_tuned(tmp_path, source, moving_average_decay=0.9)
    kid.setup()
    assert kid.moving_average is not None
    for name, parameter in kid.brain.parameters.items():
        np.testing.assert_array_equal(kid.moving_average.slots[f"{name}/average"], parameter)


@pytest.mark.parametrize("best", [True, False], ids=["the best", "a given one"])
def test_the_checkpoint_may_be_chosen(best: bool, source: Path, tmp_path: Path) -> None:
    wanted = committed(source / ("best" if best else "checkpoints"))[0]
    start = {"path": source, "best": True} if best else {"path": wanted}
    kid = fine_tuned(tmp_path, start | {"exclude": ["ip2/*", "ip1b/*"], "strict": True})
    kid.setup()
    np.testing.assert_array_equal(values(kid)["ip1/weights"], learnt(wanted)["ip1/weights"])
    assert kid.initialization is not None
    assert kid.initialization.excluded["ip2/biases"] == "ip2/*"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"strict": True},
            r"strict: not everything in .* and in this brain has a counterpart. ip1b/we",
        ),
        (
            {"exclude": ["ip1/*", "ip2/*"]},
            r"nothing in .* fits this brain.* ip1/weights: excluded by",
        ),
        ({"exclude": ["ip1/weight"]}, r"no variable fits exclude='ip1/weight'. Did you mean 'ip1/weights'\?"),
    ],
    ids=["strict", "nothing", "pattern"],
)
def test_a_match_that_is_not_what_was_asked_for_is_refused(
    options: dict[str, Any], message: str, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        fine_tuned(tmp_path, {"path": source, **options}).setup()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"path": "a", "bets": True}, r"a mapping of some of \['path', .* Did you mean 'best'\?"),
        ({"path": "a", "strict": 1}, r"initialize_from: strict must be True or False. Received: strict=1"),
        ({"exclude": ["a"]}, r"initialize_from: path must be a path. Received: path=None"),
        ({"path": "a", "exclude": "a"}, r"exclude must be a list of strings. Received: exclude='a'"),
        (7, r"initialize_from must be a path. Received: initialize_from=7"),
    ],
    ids=["key", "flag", "no path", "no list", "number"],
)
def test_an_argument_that_cannot_be_is_refused(start: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(AkidError, match=message):
        fine_tuned(tmp_path, start)


def test_a_manifest_is_told_at_the_field_what_is_not_there(tmp_path: Path) -> None:
    spec = {
        "sensor": {"source": {"type": "DigitsSource", "num_train": 8, "num_val": 4}, "batch_size": 4},
        "brain": {"type": "MLP"},
        "kongfu": {"type": "MomentumKongFu"},
        "max_steps": 1,
        "initialize_from": {"path": str(tmp_path / "no")},
    }
    with pytest.raises(InvalidSpecError, match=r"spec.kid.initialize_from: .*there is no directory .*/no"):
        set_up(declare_kid(spec, log_dir=tmp_path / "run"))


def test_a_damaged_checkpoint_is_told(source: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(committed(source / "checkpoints")[-1], tmp_path / "copy")
    for file in damaged.glob("variables.data*"):
        file.write_bytes(b"x")
    with pytest.raises(DamagedFileError, match=r"the checkpoint .*/copy cannot be read: .*Give another"):
        fine_tuned(tmp_path / "run", damaged).setup()


def test_the_match_is_by_name_shape_and_dtype() -> None:
    here = {"a": ((2,), F32), "b": ((2,), F32), "c": ((2,), F32), "conv1/weights": ((1,), F32), "d": ((), F32)}
    there = {"a": ((2,), F32), "b": ((3,), F32), "c": ((2,), F64), "conv1/weight": ((1,), F32), "d": ((), F32)}
    found = match(here, there, ["d"])
    assert found.loaded == ("a",)
    assert found.excluded == {"d": "d"}
    assert found.unused == ("conv1/weight",)
    assert found.left_out == {
        "b": "has the shape (3,) there and (2,) here.",
        "c": "is of dtype float64 there and of float32 here.",
        "conv1/weights": "is not in the checkpoint. Did you mean 'conv1/weight'?",
    }
