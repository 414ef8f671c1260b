"""Practice: exact lengths, hooks, what it gives, early stopping, NaN."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
from small_kids import blobs, metrics, result, small_brain, small_kid

from akid import (
    AkidError,
    ArraySource,
    Brain,
    LearningRateScheme,
    MomentumKongFu,
    NotFiniteError,
    ProcessingLayer,
    Sensor,
)
from akid.backend import tf
from akid.engines import Tally
from akid.kids.run import Run
from akid.kids.schedule import Pace, Schedule
from akid.kids.stopping import EarlyStopping, Goal, Standing
from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer
from akid.runs.run_dir import RunDir


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_max_steps_is_exact(tmp_path: Path, steps: int) -> None:
    kid = small_kid(tmp_path, max_steps=steps)
    kid.practice()
    assert kid.step == steps
    assert result(tmp_path)["reason"] == "max_steps"


@pytest.mark.parametrize(("epochs", "steps"), [(1, 7), (2, 13), (4, 25)])
def test_max_epoch_is_exact_when_batches_do_not_divide(tmp_path: Path, epochs: int, steps: int) -> None:
    kid = small_kid(tmp_path, max_epoch=epochs)  # 50 examples, batches of 8
    kid.practice()
    assert (kid.step, kid.epoch) == (steps, epochs)
    assert result(tmp_path)["reason"] == "max_epoch"


def test_hooks_come_in_order_and_as_often_as_they_should(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, max_steps=14, train_log_step=4, val_log_step=6)
    calls: list[tuple[str, int]] = []
    for name, hooks in vars(kid.hooks).items():
        hooks.append(lambda kid, name=name: calls.append((name.removeprefix("on_"), kid.step)))
    kid.practice()
    assert [step for name, step in calls if name == "batch_begin"] == list(range(14))
    assert [call for call in calls if call[0] != "batch_begin"] == [
        ("train_begin", 0),
        ("train_log", 4),
        ("val_log", 6),
        ("epoch_end", 7),
        ("train_log", 8),
        ("train_log", 12),
        ("val_log", 12),
        ("epoch_end", 13),
        ("train_log", 14),
        ("val_log", 14),
        ("train_end", 14),
    ]


def test_a_hook_sets_the_learning_rate_of_every_step(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, kongfu=MomentumKongFu({"name": LearningRateScheme.placeholder}), train_log_step=1)
    kid.hooks.on_batch_begin.append(lambda kid: kid.kongfu.set_lr(1.0 / (kid.step + 1)))
    kid.practice()
    rates = [line["lr"] for line in metrics(tmp_path) if line["kind"] == "train"]
    assert rates == pytest.approx([1.0 / (step + 1) for step in range(10)])


def test_practice_gives_the_last_validation(tmp_path: Path) -> None:
    kid = small_kid(tmp_path / "a")
    loss, evals = kid.practice(return_eval=True)
    assert (loss, evals) == kid.validate("val")
    assert set(evals) == {"accuracy"}
    again = small_kid(tmp_path / "a")
    assert again.practice() == loss
    assert len([line for line in metrics(tmp_path / "a") if line["step"] == 10]) == 2, "nothing is done twice"


def test_practice_gives_the_training_loss_without_a_validation_split(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, sensor=Sensor(blobs(num_val=0), batch_size=8))
    assert kid.practice() == metrics(tmp_path)[-1]["loss"]
    assert {line["kind"] for line in metrics(tmp_path)} == {"train"}


def test_a_training_split_is_evaluated_example_by_example(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.practice()
    data, labels = kid.sensor.source.arrays["train"]
    logits = kid.predict(data, ["ip2"])["ip2"]
    assert kid.validate("train")[1]["accuracy"] == pytest.approx(np.mean(logits.argmax(1) == labels))


class Poison(ProcessingLayer):
    """Gives infinity from a step on."""

    def __init__(self, step: int, name: str) -> None:
        super().__init__(name)
        self.step = step

    def _forward(self, x, trip):  # type: ignore[no-untyped-def]
        return x * tf.where(tf.cast(trip.step, tf.int64) >= self.step, math.inf, 1.0) if trip.training else x


def poisoned() -> Brain:
    labelled = [{"name": "poison"}, {"name": "system_in", "idxs": [1]}]
    loss = SoftmaxWithLossLayer(3, name="loss", inputs=labelled)
    return Brain("poisoned").attach(InnerProductLayer(3, name="ip1"), Poison(7, "poison"), loss)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, brain=poisoned())
    text = (
        r"The loss became nan at step 8\. The last checkpoint before it is .*step-00000005\. Try a smaller"
        r" learning rate, or clip_global_norm\. debug=True names the first block where it happens\."
    )
    with pytest.raises(NotFiniteError, match=text):
        kid.practice()
    assert result(tmp_path)["reason"] == "not_finite"
    assert result(tmp_path)["step"] == 8
    kept = small_kid(tmp_path, brain=poisoned())
    kept.setup()
    assert kept.step == 5
    assert np.isfinite(kept.brain["ip1/weights"].numpy()).all()


def test_debug_names_the_first_block_that_is_not_finite(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, brain=poisoned(), debug=True, checkpoint_step=100)
    text = r"The output of block 'poison' is not finite at step 8\. .*step-00000005\. Try .* clip_global_norm\.$"
    with pytest.raises(NotFiniteError, match=text):
        kid.practice()
    assert result(tmp_path)["reason"] == "not_finite"


@pytest.mark.parametrize("save", [False, True])
def test_parameters_that_are_not_finite_are_no_success_although_the_loss_is(tmp_path: Path, save: bool) -> None:
    """One number of one example is NaN, which a ReLU hides."""
    data = np.ones([8, 4], np.float32)
    data[3, 2] = np.nan
    brain = Brain("hides").attach(
        InnerProductLayer(8, name="ip1"),
        ReLULayer(name="relu1"),
        InnerProductLayer(3, name="ip2"),
        SoftmaxWithLossLayer(3, name="loss", inputs=[{"name": "ip2"}, {"name": "system_in", "idxs": [1]}]),
    )
    sensor = Sensor(ArraySource(data, np.arange(8) % 3), 8)
    kid = small_kid(tmp_path, sensor=sensor, brain=brain, max_steps=2, save_chk_point=save)
    with pytest.raises(NotFiniteError, match=r"A parameter is not finite at step 2\. No checkpoint was saved"):
        kid.practice()
    assert math.isfinite(kid.loss)
    assert result(tmp_path)["reason"] == "not_finite"


def test_a_parameter_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.setup()
    kid.brain["ip1/weights"].assign(kid.brain["ip1/weights"] * math.inf)
    with pytest.raises(NotFiniteError, match=r"A parameter is not finite at step 0\. No checkpoint"):
        kid.save()


def test_training_stops_early_and_counts_on_after_a_restart(tmp_path: Path) -> None:
    options = {"early_stopping": {"patience": 4, "min_delta": 100.0}, "val_log_step": 2}
    ended: list[int] = []
    first = small_kid(tmp_path, max_steps=6, **options)
    first.practice()
    assert first.standing.stale == 2, "the first of three validations is what the others are compared with"
    second = small_kid(tmp_path, max_steps=100, **options)
    second.hooks.on_train_end.append(lambda kid: ended.append(kid.step))
    second.practice()
    assert (second.step, ended) == (10, [10])
    assert result(tmp_path)["reason"] == "early_stopping"
    third = small_kid(tmp_path, max_steps=100, **options)
    third.practice()
    assert third.step == 10, "what has stopped stays stopped"


def test_a_brain_without_a_loss_cannot_learn(tmp_path: Path) -> None:
    brain = Brain("silent").attach(InnerProductLayer(3, name="ip1", wd={"type": "l2", "scale": 0.1}))
    kid = small_kid(tmp_path, brain=brain)
    text = r"The brain 'silent' has no loss, so it cannot learn; attach a loss layer such as "
    with pytest.raises(AkidError, match=text):
        kid.practice()
    assert kid.predict(np.zeros([2, 4]))["ip1"].shape == (2, 3)


def test_a_brain_without_parameters_cannot_learn(tmp_path: Path) -> None:
    labelled = [{"name": "poison"}, {"name": "system_in", "idxs": [1]}]
    brain = Brain("fixed").attach(Poison(100, "poison"), SoftmaxWithLossLayer(4, name="loss", inputs=labelled))
    with pytest.raises(AkidError, match="The brain 'fixed' has no parameters, so there is nothing to learn"):
        small_kid(tmp_path, brain=brain).practice()


def test_a_run_directory_must_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AkidError, match=r"log_dir must be a directory that can be written\. Received: log_dir="):
        small_kid(tmp_path / "file").practice()
    kid = small_kid(tmp_path / "closed")
    kid.setup()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(AkidError, match=r"log_dir must be .*closed.*\(permission denied\)"):
        kid.practice()


def test_the_result_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def look(run_dir: RunDir, result: object) -> None:
        seen.append(sorted(p.name for p in run_dir.checkpoints.iterdir()))

    monkeypatch.setattr(RunDir, "write_result", look)
    small_kid(tmp_path).practice()
    assert seen == [["step-00000005", "step-00000010"]]
    assert not (tmp_path / "result.json").exists()


def test_an_old_result_is_gone_while_practice_goes_on(tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    kid = small_kid(tmp_path, max_steps=12)
    there: list[bool] = []
    kid.hooks.on_train_begin.append(lambda kid: there.append((tmp_path / "result.json").exists()))
    kid.practice()
    assert there == [False]
    assert json.loads((tmp_path / "result.json").read_text())["step"] == 12


def test_an_interruption_during_validation_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from akid.runs.interrupts import Interrupted

    straight = small_kid(tmp_path / "straight")
    straight.practice()

    def give_up(self: Run, split: str, go_on: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(Run, "evaluate", give_up)
        with pytest.raises(SystemExit):
            small_kid(tmp_path / "cut").practice()
    resumed = small_kid(tmp_path / "cut")
    resumed.practice()
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "straight")
    assert resumed.standing == straight.standing


def test_the_schedule_knows_the_next_stop() -> None:
    schedule = Schedule(last=100, train_log=10, val_log=25, checkpoint=0, summary=0, batch_size=8, epoch_size=50)
    assert [schedule.next_stop(step) for step in (0, 7, 10, 19, 99)] == [7, 10, 13, 20, 100]
    assert [schedule.next_stop(step, epochs=False) for step in (0, 10, 24)] == [10, 20, 25]
    assert [schedule.due(25, step) for step in (0, 25, 26, 100)] == [True, True, False, True]
    assert not schedule.due(0, 100)


def test_the_pace_follows_the_time_a_step_takes() -> None:
    pace = Pace(0.5)
    pace.note(1, 2.0)
    assert pace.steps == 1, "tracing is slow"
    for _ in range(4):
        pace.note(pace.steps, pace.steps * 0.001)
    assert pace.steps == 500


def test_a_tally_goes_on_where_it_was() -> None:
    tally = Tally(4, {"loss": 6.0, "ip1/wd": 2.0}, {"loss/accuracy": (3.0, 4.0)})
    report = tally.report()
    assert (report.loss, report.losses["loss"], report.evals["loss/accuracy"]) == (2.0, 1.5, 0.75)
    assert Tally().report().steps == 0


@pytest.mark.parametrize(
    ("goal", "values", "best", "stale"),
    [
        ("min", [3.0, 2.0, 2.5, 1.95], 1.95, 2),
        ("max", [0.1, 0.5, 0.4, 0.45], 0.5, 2),
        ("max", [math.nan, 0.5, math.nan], 0.5, 1),
        ("min", [math.nan], None, 1),
    ],
)
def test_standings_keep_the_best(goal: str, values: list[float], best: float | None, stale: int) -> None:
    standing = Standing()
    for step, value in enumerate(values):
        standing = standing.after(value, step, Goal("x", goal), 0.1)
    assert (standing.best, standing.stale) == (best, stale)


def test_stopping_takes_a_patience_or_a_mapping() -> None:
    assert EarlyStopping.of(3) == EarlyStopping(3) == EarlyStopping.of({"patience": 3})
    assert EarlyStopping.of({"patience": 2, "min_delta": 0.5}) == EarlyStopping(2, 0.5)


def test_the_small_brain_learns(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, max_steps=60, brain=small_brain())
    kid.practice()
    assert kid.val_evals["accuracy"] > 0.7
