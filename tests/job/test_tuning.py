"""A job that is tuned: which trials are started and stopped, what is told of them, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job.manifests import manifest

from akid.job import CreateFailure, CreateFailureReason, Observed, PodDefaults, decide, parse
from akid.job.api.status import MAX_MEASURED, Progress, Status
from akid.job.api.tune import EarlyStopping, Measured
from akid.job.decide import Decision
from akid.job.planner.measured import measured, thinned
from akid.job.trials import TrialState
from akid.job.tuning.median import hopeless

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRID = {"optParas": [{"lr": lr} for lr in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)], "parallelism": 2}


class Tuning:
    """A job that is tuned, and the jobs of its trials as a test says they are."""

    def __init__(self, policy: dict[str, Any] | None = None, log: str = "", **tune: Any) -> None:
        volumes = {"log": {"claimName": log}} if log else {}
        self.raw = manifest(tune=GRID | tune, runPolicy=policy or {}, image="trainer", volumes=volumes)
        self.there: dict[int, TrialState] = {}
        self.seconds = 0
        self.told: list[str] = []
        self.refused: tuple[CreateFailure, ...] = ()

    def look(self) -> Decision:
        """Decide, and do what was decided."""
        observed = Observed(trials=tuple(self.there.values()), create_failures=self.refused)
        made = decide(self.raw, observed, NOW + timedelta(seconds=self.seconds), PodDefaults())
        assert made.problems == ""
        if made.plan.status is not None:
            self.raw["status"] = made.plan.status
        self.told += [event.reason for event in made.plan.events]
        for delete in made.plan.delete:
            self.there = {number: one for number, one in self.there.items() if one.uid != delete.uid}
        for one in self.there.values():
            wanted = next((s.suspend for s in made.plan.suspend if s.uid == one.uid), one.suspended)
            self.there[one.number] = replace(one, suspended=wanted)
        for child in [] if self.refused else made.manifests:
            number = int(child["metadata"]["labels"]["akid.dev/trial"])
            self.there[number] = TrialState(number, child["metadata"]["name"], f"uid-{number}-{self.seconds}")
        return made

    def stands(self, state: str, *numbers: int, values: Sequence[float] = ()) -> None:
        """Some trials stand so, and have reported these values at steps 10, 20, ..."""
        for number in numbers:
            reported = tuple((10 * (i + 1), value) for i, value in enumerate(values))
            self.there[number] = replace(
                self.there[number], state=state, values=reported or self.there[number].values
            )

    def run(self, *failing: int, value: float | None = None) -> None:
        """Let all trials run to their end."""
        for _ in range(100):
            self.look()
            if self.state in ("Succeeded", "Failed"):
                return
            for one in self.active:
                reported = 1 / (1 + one.number) if value is None else value
                self.stands("Failed" if one.number in failing else "Succeeded", one.number, values=[reported])
        raise AssertionError(self.raw["status"])

    @property
    def active(self) -> list[TrialState]:
        return [one for one in self.there.values() if not one.over]

    @property
    def state(self) -> str:
        return self.raw.get("status", {}).get("state", "")

    @property
    def trials(self) -> dict[str, Any]:
        return self.raw["status"]["trials"]

    def reason(self, kind: str) -> str:
        return next((c["reason"] for c in self.raw["status"]["conditions"] if c["type"] == kind), "")


def test_no_more_trials_run_than_there_may_and_each_that_ends_makes_room():
    tuning = Tuning()
    made = tuning.look()
    assert [child["metadata"]["name"] for child in made.manifests] == ["digits-t0", "digits-t1"]
    assert (tuning.trials["finished"], tuning.trials["running"], tuning.trials["pending"]) == ("0/6", 2, 4)
    tuning.stands("Running", 0, 1)
    assert not tuning.look().manifests
    tuning.stands("Succeeded", 1)
    assert [child["metadata"]["name"] for child in tuning.look().manifests] == ["digits-t2"]


def test_a_trial_is_the_whole_job_with_its_values_in_params_and_no_template_filled_in():
    tuning = Tuning(policy={"maxRestarts": 7, "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 1})
    tuning.raw["spec"]["kid"]["kongfu"]["lr_scheme"] = "{{ opt_paras.lr }}"
    child = tuning.look().manifests[1]
    assert child["spec"]["kid"]["kongfu"]["lr_scheme"] == "{{ opt_paras.lr }}"
    assert child["spec"]["kid"]["params"] == {"net_paras": {}, "opt_paras": {"lr": 0.2}, "repeat": 0}
    assert child["spec"]["runPolicy"] == {"maxRestarts": 7}
    assert "tune" not in child["spec"]
    assert child["metadata"]["annotations"] == {"akid.dev/objective": "val_loss"}
    assert [owner["uid"] for owner in child["metadata"]["ownerReferences"]] == ["job-uid"]
    assert parse(child).spec.image == "trainer"


def test_it_succeeds_with_its_trials_and_names_the_best():
    tuning = Tuning(log="runs")
    tuning.run(2)
    assert (tuning.state, tuning.reason("Succeeded")) == ("Succeeded", "TrialsFinished")
    assert tuning.trials == {
        "total": 6, "pending": 0, "running": 0, "succeeded": 5, "failed": 1, "stopped": 0, "finished": "6/6",
        "succeededIndexes": "0-1,3-5", "failedIndexes": "2",
    }  # fmt: skip
    best = tuning.raw["status"]["best"]
    assert (best["trial"], best["name"], best["value"], best["step"]) == (5, "digits-t5", 1 / 6, 10)
    assert best["parameters"] == {"netParas": {}, "optParas": {"lr": 0.6}, "repeat": 0}
    assert best["checkpoint"] == "lab/digits-t5-uid-5-0/best"
    assert tuning.told == ["Created", "Running", "TrialFailed", "Succeeded"]


@pytest.mark.parametrize(
    ("most", "failing", "reason"),
    [
        (None, (0, 1, 2, 3, 4), ""),
        (None, (0, 1, 2, 3, 4, 5), "NoTrialSucceeded"),
        (1, (0, 2), "TooManyFailedTrials"),
        (2, (0, 2), ""),
        (0, (5,), "TooManyFailedTrials"),
    ],
    ids=["most failed", "all failed", "one too many", "as many as may", "none may"],
)
def test_failed_trials_are_borne_up_to_their_limit(most: int | None, failing: tuple[int, ...], reason: str):
    tuning = Tuning(**({} if most is None else {"maxFailedTrials": most}))
    tuning.run(*failing)
    assert tuning.reason("Failed") == reason
    assert tuning.active == []


def test_what_is_over_is_remembered_when_its_job_is_gone():
    tuning = Tuning(parallelism=6)
    tuning.look()
    tuning.stands("Succeeded", 0, 3, values=[0.5])
    tuning.stands("Failed", 4)
    tuning.look()
    best = tuning.raw["status"]["best"]
    for number in (0, 3, 4):
        del tuning.there[number]
    assert not tuning.look().manifests
    assert tuning.raw["status"]["best"] == best
    assert tuning.trials["finished"] == "3/6"


def test_a_trial_whose_job_is_lost_runs_anew():
    tuning = Tuning()
    tuning.look()
    del tuning.there[0]
    assert [child["metadata"]["name"] for child in tuning.look().manifests] == ["digits-t0"]


def test_a_hopeless_trial_is_stopped_once_and_its_place_is_taken():
    tuning = Tuning(parallelism=4, earlyStopping={"minTrials": 3, "startStep": 20})
    tuning.look()
    tuning.stands("Succeeded", 0, 1, 2, values=[0.5, 0.3])
    tuning.stands("Running", 3, values=[0.9])
    tuning.look()
    assert 3 in tuning.there  # before startStep
    tuning.stands("Running", 3, values=[0.9, 0.8])
    made = tuning.look()
    assert [delete.name for delete in made.plan.delete] == ["digits-t3"]
    assert (made.plan.patience, tuning.trials["stoppedIndexes"]) == (0, "3")
    assert tuning.told[-1] == "TrialStopped"
    for _ in range(2):
        assert not tuning.look().plan.delete
    assert tuning.told.count("TrialStopped") == 1
    tuning.run()
    assert (tuning.trials["succeeded"], tuning.trials["stopped"]) == (5, 1)


def test_a_stop_whose_deletion_was_lost_is_made_up_for():
    tuning = Tuning(parallelism=4, earlyStopping={"minTrials": 1})
    tuning.look()
    tuning.stands("Succeeded", 0, values=[0.5])
    tuning.stands("Running", 1, values=[0.9])
    there = dict(tuning.there)
    tuning.look()
    tuning.there = there
    assert [delete.name for delete in tuning.look().plan.delete] == ["digits-t1"]


def test_suspended_trials_are_suspended_and_go_on():
    tuning = Tuning()
    tuning.look()
    tuning.stands("Running", 0)
    tuning.look()
    tuning.raw["spec"]["runPolicy"]["suspend"] = True
    tuning.look()
    assert tuning.state == "Suspended"
    assert [one.suspended for one in tuning.active] == [True, True]
    tuning.stands("Succeeded", 0)
    assert not tuning.look().manifests
    tuning.raw["spec"]["runPolicy"]["suspend"] = False
    tuning.look()
    assert [one.suspended for one in tuning.active] == [False, False]
    assert tuning.told == ["Created", "Running", "Suspended", "Resumed", "Running"]
    tuning.run()
    assert tuning.state == "Succeeded"


@pytest.mark.parametrize(
    ("policy", "state", "reason"),
    [
        ({"activeDeadlineSeconds": 10}, "Running", "DeadlineExceeded"),
        ({"pendingDeadlineSeconds": 10}, "Queued", "PendingDeadlineExceeded"),
        ({"pendingDeadlineSeconds": 10}, "Running", ""),
    ],
    ids=["active", "pending", "runs"],
)
def test_deadlines_are_for_all_trials_together(policy: dict[str, Any], state: str, reason: str):
    tuning = Tuning(policy=policy)
    assert tuning.look().plan.requeue_after in (10, None)
    tuning.stands(state, 0, 1)
    tuning.look()
    tuning.seconds = 10
    tuning.look()
    assert tuning.reason("Failed") == reason
    assert bool(tuning.active) is not bool(reason)


def test_it_expires_and_until_then_what_its_end_left_is_deleted():
    tuning = Tuning(policy={"ttlSecondsAfterFinished": 5, "activeDeadlineSeconds": 10})
    tuning.look()
    there = dict(tuning.there)
    tuning.seconds = 10
    tuning.look()
    tuning.there = there
    made = tuning.look()
    assert (sorted(delete.name for delete in made.plan.delete), made.plan.requeue_after) == (
        ["digits-t0", "digits-t1"],
        5,
    )
    tuning.seconds = 15
    assert [(delete.kind, delete.uid) for delete in tuning.look().plan.delete] == [("job", "job-uid")]


def test_what_the_server_will_not_have_ends_it_and_what_it_has_no_room_for_waits():
    tuning = Tuning()
    tuning.refused = (CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, "no room", 1, NOW + timedelta(seconds=2)),)
    assert not tuning.look().manifests
    assert (tuning.state, tuning.reason("Queued")) == ("Queued", "QuotaExceeded")
    tuning.seconds = 2
    assert len(tuning.look().manifests) == 1
    tuning.refused = ()
    tuning.look()
    assert (tuning.state, len(tuning.active)) == ("Created", 2)
    tuning.refused = (CreateFailure(CreateFailureReason.INVALID_TEMPLATE, "spec.x: no"),)
    tuning.look()
    assert tuning.reason("Failed") == "InvalidTemplate"
    assert tuning.active == []


def test_no_trial_is_made_of_which_no_pod_could_be():
    tuning = Tuning()
    del tuning.raw["spec"]["image"]
    assert not tuning.look().manifests
    assert tuning.reason("Failed") == "InvalidTemplate"


def test_counts_alone_wait_for_more_of_them():
    tuning = Tuning(parallelism=3)
    tuning.look()
    tuning.stands("Running", 0, 1, 2)
    tuning.look()
    tuning.stands("Succeeded", 0)
    assert tuning.look().plan.patience == 5


def test_nothing_is_written_when_nothing_changed():
    tuning = Tuning()
    tuning.look()
    made = tuning.look()
    assert (made.plan.status, made.plan.create, made.plan.delete, made.plan.suspend) == (None, (), (), ())


HAPPENINGS = st.sampled_from(["Running", "Succeeded", "Failed", "gone", "nothing"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), HAPPENINGS, st.floats(0, 1)), max_size=40), st.integers(1, 6))
def test_whatever_happens_no_trial_runs_twice_at_a_time_nor_after_its_end(
    happens: list[tuple[int, str, float]], parallelism: int
):
    tuning = Tuning(parallelism=parallelism, earlyStopping={"minTrials": 2})
    ended: set[int] = set()
    for number, what, value in happens:
        made = tuning.look()
        assert len(tuning.active) <= parallelism
        started = [int(child["metadata"]["labels"]["akid.dev/trial"]) for child in made.manifests]
        assert not ended.intersection(started)
        counts = made.job.status.trials if made.job else None
        assert counts is None or counts.total == 6
        one = tuning.there.get(number)
        if one is None or one.over:
            continue
        if what == "gone":
            del tuning.there[number]
        elif what != "nothing":
            tuning.stands(what, number, values=[value])
            ended |= {number} if what in ("Succeeded", "Failed") else set()
    tuning.run()
    trials = tuning.trials
    assert sum(trials.get(kind, 0) for kind in ("succeeded", "failed", "stopped")) == 6


@pytest.mark.parametrize(
    ("values", "direction", "stops"),
    [
        ([], "min", False),
        ([(5, 0.9)], "min", False),
        ([(10, 0.41)], "min", True),
        ([(10, 0.4)], "min", False),
        ([(10, 0.41)], "max", False),
        ([(10, 0.39)], "max", True),
        ([(5, 0.1), (10, 0.9)], "min", False),
        ([(20, 0.36)], "min", True),
        ([(20, 0.35)], "min", False),
    ],
    ids=["nothing", "too soon", "worse", "as good", "greater", "smaller", "was better", "later", "later, as good"],
)
def test_the_median_rule(values: Any, direction: Any, stops: bool):
    done = [((10, value), (20, value - 0.1)) for value in (0.2, 0.4, 0.6)]
    rule = EarlyStopping.model_validate({"minTrials": 3, "startStep": 10})
    assert hopeless(tuple(values), done, rule, direction) is stops


def test_fewer_than_it_takes_stop_nobody():
    assert not hopeless(((10, 9.0),), [((10, 0.1),)] * 2, EarlyStopping(), "min")


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), max_size=300))
def test_what_is_kept_of_a_trial_has_its_extremes_and_its_newest_value(values: list[float]):
    status = Status()
    for step, value in enumerate(values, 1):
        progress = Progress(step=step, val_loss=value, metrics={"val_accuracy": -value})
        status = status.model_copy(update={"measured": measured(status, progress, "val_loss")})
    kept = [one.value for one in status.measured]
    assert len(kept) <= MAX_MEASURED
    assert ({min(values), max(values)} if values else set()) <= set(kept)
    assert [one.step for one in status.measured] == sorted({one.step for one in status.measured})


@pytest.mark.parametrize(
    ("metric", "kept"),
    [("val_loss", [0.5]), ("val_accuracy", [0.9]), ("loss", [0.7]), ("val_other", []), ("", [])],
)
def test_the_objective_is_found_by_its_name(metric: str, kept: list[float]):
    progress = Progress(step=3, loss=0.7, val_loss=0.5, metrics={"val_accuracy": 0.9})
    assert [one.value for one in measured(Status(), progress, metric)] == kept


def test_a_list_that_fits_is_not_thinned():
    values = [Measured(step=step, value=0.5) for step in range(MAX_MEASURED)]
    assert thinned(values) == values
