"""What is wrong with a Kid is said before it practises."""

from pathlib import Path
from typing import Any

import pytest
from small_kids import blobs, small_brain, small_kid

from akid import AkidError, DataError, Kid, Sensor, SingleEngine


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {},
            r"A Kid needs exactly one of max_steps and max_epoch, an integer >= 0\. Received: {'max_steps': None",
        ),
        ({"max_steps": 1, "max_epoch": 1}, r"exactly one of .* Received: {'max_steps': 1, 'max_epoch': 1}"),
        ({"max_steps": -1}, r"exactly one of .* an integer >= 0\. Received: {'max_steps': -1"),
        ({"max_steps": 1.5}, r"exactly one of .* an integer >= 0\. Received: {'max_steps': 1\.5"),
        ({"max_steps": 1, "sensor": None}, r"A Kid needs a sensor: expected a Sensor\. Received: sensor=None"),
        (
            {"max_steps": 1, "sensor": Sensor},
            r"received the class Sensor; write Sensor\(\.\.\.\)",
        ),
        ({"max_steps": 1, "brain": "LeNet"}, r"A Kid needs a brain: expected a Brain\. Received: brain='LeNet'"),
        ({"max_steps": 1, "kongfu": 0.1}, r"A Kid needs a kongfu: expected a KongFu\. Received: kongfu=0\.1"),
        (
            {"max_steps": 1, "engine": "singel"},
            r"Unknown engine\. Did you mean 'single'\? Received: ",
        ),
        ({"max_steps": 1, "engine": 3}, r"engine must be a name, .* or an Engine\. Received: engine=3"),
        (
            {"max_steps": 1, "engine": {"name": "single", "gpus": 2}},
            r"'single' takes no arguments\. Unknown: 'gpus'\.",
        ),
        (
            {"max_steps": 1, "train_log_step": 0},
            r"train_log_step must be an integer >= 1\. Received: train_log_step=",
        ),
        (
            {"max_steps": 1, "val_log_step": -5},
            r"val_log_step must be an integer >= 1\. .*=-5",
        ),
        ({"max_steps": 1, "checkpoint_step": 0}, r"checkpoint_step must be an integer >= 1"),
        ({"max_steps": 1, "summary_step": 0}, r"summary_step must be an integer >= 1"),
        (
            {"max_steps": 1, "keep_checkpoints": True},
            r"keep_checkpoints must be an integer >= 1\. .*=True",
        ),
        (
            {"max_steps": 1, "best_metric": {"metric": "loss", "goal": "least"}},
            r'"min" \| "max"}\. Received',
        ),
        (
            {"max_steps": 1, "best_metric": 3},
            r"best_metric must be a name or .*Received: best_metric=3",
        ),
        (
            {"max_steps": 1, "early_stopping": 0},
            r"early_stopping must be a patience, or .*Received: early_stopping=0",
        ),
        ({"max_steps": 1, "early_stopping": {"patience": 2, "delta": 1}}, r"early_stopping must be .*'delta': 1"),
        ({"max_steps": 1, "early_stopping": {"patience": 2, "min_delta": -1}}, r"number >= 0}\. Received"),
        ({"max_steps": 1, "early_stopping": {"min_delta": 1}}, r"early_stopping must be a patience"),
        ({"max_steps": 1, "moving_average_decay": 0.1}, r"decay must be .*0\.1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], text: str) -> None:
    given: dict[str, Any] = {"sensor": Sensor(blobs(), 8), "brain": small_brain()} | arguments
    with pytest.raises(AkidError, match=text):
        Kid(**given)


def test_the_papers_names_are_taken(tmp_path: Path) -> None:
    sensor, brain = Sensor(source_in=blobs(), batch_size=8), small_brain()
    kid = Kid(sensor_in=sensor, brain_in=brain, max_steps=1, engine={"name": "single"}, log_dir=tmp_path)
    assert (kid.sensor, kid.brain) == (sensor, brain)
    assert isinstance(kid.engine, SingleEngine)


@pytest.mark.parametrize(
    ("metric", "hint"),
    [
        ("acuracy", "Did you mean 'accuracy'?"),
        ("val_accuracy", "Did you mean 'accuracy'?"),
        ("f1", "Known: accuracy"),
    ],
)
def test_an_unknown_best_metric_is_an_error_at_setup(tmp_path: Path, metric: str, hint: str) -> None:
    kid = small_kid(tmp_path, best_metric={"metric": metric, "goal": "max"})
    with pytest.raises(AkidError) as caught:
        kid.setup()
    assert str(caught.value).startswith(f"best_metric: validation has no measure {metric!r}. {hint}")


@pytest.mark.parametrize("options", [{"early_stopping": 3}, {"best_metric": "accuracy"}])
def test_what_needs_a_validation_split_says_so(tmp_path: Path, options: dict[str, Any]) -> None:
    kid = small_kid(tmp_path, sensor=Sensor(blobs(num_val=0), 8), **options)
    with pytest.raises(
        AkidError, match=r" needs a validation split, and the source has none\. Give it a num_val > 0\."
    ):
        kid.setup()


def test_a_split_without_examples_is_not_evaluated(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    with pytest.raises(DataError, match=r"The split 'test' of 'ArraySource' has no examples .* num_test > 0\."):
        kid.validate("test")
    with pytest.raises(DataError, match="Did you mean 'train'"):
        kid.validate("trian")
