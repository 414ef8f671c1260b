"""The trials of a tuning: how many, in which order, under which names, with which values."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job.manifests import manifest

from akid.job import InvalidManifestError, parse
from akid.job.api.job import MAX_NAME, NAME
from akid.job.api.tune import Objective, Tune
from akid.job.trials import Trial, kid_of_trial, plain, trial_name, trials_of

names = st.from_regex(NAME, fullmatch=True).filter(lambda name: len(name) <= MAX_NAME)


def tune(**given: Any) -> Tune:
    return Tune.model_validate(given)


def test_repetitions_are_outermost_and_networks_innermost():
    trials = trials_of(tune(netParas=[{"n": 1}, {"n": 2}], optParas=[{"lr": 0.5}, {"lr": 1.0}], repeats=2))
    assert [(t.number, t.repeat, t.opt_paras["lr"], t.net_paras["n"]) for t in trials] == [
        (0, 0, 0.5, 1), (1, 0, 0.5, 2), (2, 0, 1, 1), (3, 0, 1, 2),
        (4, 1, 0.5, 1), (5, 1, 0.5, 2), (6, 1, 1, 1), (7, 1, 1, 2),
    ]  # fmt: skip


def test_draws_do_not_depend_on_the_order_in_which_a_mapping_is_written():
    axes = {
        "b": {"low": 0.1, "high": 1.0, "log": True},
        "a": [1, "x", {"y": None}],
        "c": {"low": 1.0, "high": 9.0},
    }
    one, other = (
        tune(random={"trials": 20, "seed": 3, "optParas": dict(order)})
        for order in (axes.items(), reversed(plain(axes).items()))
    )
    assert trials_of(one) == trials_of(other)
    assert len({str(trial.opt_paras) for trial in trials_of(one)}) > 15
    assert {type(trial.opt_paras["c"]) for trial in trials_of(one)} == {int}


@settings(deadline=None)
@given(names, st.integers(0, 999))
def test_a_name_is_one_of_a_job(job: str, number: int):
    name = trial_name(job, number)
    assert len(name) <= MAX_NAME
    assert re.fullmatch(NAME, name)


@settings(deadline=None)
@given(st.sets(st.tuples(names, st.integers(0, 999)), min_size=2, max_size=6))
def test_no_two_trials_have_the_same_name_unless_somebody_calls_his_job_like_a_trial(pairs: set[tuple[str, int]]):
    made = {trial_name(*pair) for pair in pairs}
    assert len(made) == len(pairs) or any(re.search(r"-t\d+$", job) for job, _ in pairs)


@pytest.mark.parametrize(
    ("kid", "repeat", "seed"),
    [({}, 0, None), ({}, 2, 2), ({"seed": 5}, 2, 7), ({"seed": "{{ repeat }}"}, 2, "{{ repeat }}")],
    ids=["first", "no seed", "seed", "template"],
)
def test_a_repetition_has_a_seed_of_its_own(kid: dict[str, Any], repeat: int, seed: Any):
    made = kid_of_trial({**kid, "params": {"a": 1}}, Trial(3, {"n": 1}, {"lr": 2}, repeat))
    assert made.get("seed") == seed
    assert made["params"] == {"a": 1, "net_paras": {"n": 1}, "opt_paras": {"lr": 2}, "repeat": repeat}


@pytest.mark.parametrize(
    ("metric", "goal", "direction"),
    [
        ("val_loss", None, "min"),
        ("loss", None, "min"),
        ("val_top/error", None, "min"),
        ("val_accuracy", None, "max"),
        ("val_accuracy", "min", "min"),
    ],
)
def test_losses_and_errors_are_to_be_small(metric: str, goal: Any, direction: str):
    assert Objective(metric=metric, goal=goal).direction == direction


@pytest.mark.parametrize(
    ("given_tune", "says"),
    [
        ({}, "spec.tune: expected exactly one of netParas or optParas, random, received none."),
        (
            {"optParas": [{}], "random": {"trials": 2, "optParas": {"a": [1]}}},
            "received netParas or optParas and random",
        ),
        ({"optParas": [{}] * 26, "netParas": [{}] * 40}, "spec.tune: expected at most 1000 trials"),
        ({"random": {"trials": 2}}, "spec.tune.random: a search needs at least one parameter."),
        ({"random": {"trials": 2, "optParas": {"lr": {"low": 1}}}}, "opt_paras['lr'] must be a list"),
        ({"random": {"trials": 2, "optParas": {"lr": {"low": 2, "high": 1}}}}, "must have a low"),
        ({"optParas": []}, "spec.tune.optParas: expected at least 1"),
        ({"optParas": [{"a": 1}], "objective": {"metric": "a b\n"}}, "spec.tune.objective.metric: expected"),
    ],
    ids=["none", "both", "many", "no axis", "half", "reversed", "empty", "metric"],
)
def test_what_cannot_be_tried_is_told_with_its_path(given_tune: dict[str, Any], says: str):
    wanted = manifest()
    wanted["spec"]["tune"] = given_tune
    with pytest.raises(InvalidManifestError, match=re.escape(says)):
        parse(wanted)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"volumes": {"log": {"claimName": "a", "resumeFrom": "b"}}},
            "spec.volumes.log.resumeFrom: each",
        ),
        ({"kid": {"module": "m:f", "params": {"repeat": 1}}}, "spec.kid.params: repeat are the trials' own"),
    ],
    ids=["resumed", "params"],
)
def test_what_does_not_go_with_tuning_is_refused(change: dict[str, Any], says: str):
    wanted = manifest()
    wanted["spec"] |= {"tune": {"optParas": [{"lr": 0.1}]}, **change}
    with pytest.raises(InvalidManifestError, match=re.escape(says)):
        parse(wanted)
