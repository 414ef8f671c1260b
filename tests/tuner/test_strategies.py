"""What is tried: every pair, draws at random, Optuna."""

from __future__ import annotations

import math
import random

import pytest

from akid.errors import AkidError, DataError
from akid.job.space import Range, space_of
from akid.kids.stopping import Goal
from akid.tuner import GridStrategy, OptunaStrategy, RandomStrategy
from akid.tuner.objective import objective_of


def proposals(strategy):
    strategy.begin(Goal("val_loss", "min"))
    return list(iter(strategy.propose, None))


def test_repetitions_are_outermost_and_networks_innermost():
    made = proposals(GridStrategy([{"n": 1}, {"n": 2}], [{"lr": 1}, {"lr": 2}], 2, [1, 2, 1, 1, 1, 1, 1, 2]))
    told = [(p.repeat, p.opt_paras["lr"], p.net_paras["n"], p.size) for p in made]
    assert told == [(0, 1, 1, 1), (0, 1, 2, 2), (0, 2, 1, 1), (0, 2, 2, 1), (1, 1, 1, 1), (1, 1, 2, 1),
                    (1, 2, 1, 1), (1, 2, 2, 2)]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([{}], [{}], 0), "repeat_times must be an integer >= 1"),
        (([{}], [{}], 1, 0), "gpu_num_per_instance must be an integer >= 1"),
        (([{}], [{}, {}], 1, [1]), "a list of 2 numbers"),
        (([{}], [{}, {}], 1, [1, True]), r"gpu_num_per_instance\[1\] must be an integer"),
    ],
    ids=["repeat", "size", "length", "kind"],
)
def test_wrong_numbers_are_refused(arguments, says):
    with pytest.raises(AkidError, match=says):
        GridStrategy(*arguments)


def test_the_same_seed_draws_the_same():
    axes = {"lr": {"low": 1e-4, "high": 0.1, "log": True}, "momentum": {"low": 0.0, "high": 0.9}}
    draws = [proposals(RandomStrategy({"n": [8, 16]}, axes, trials=20, seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert all(1e-4 <= p.opt_paras["lr"] <= 0.1 and p.net_paras["n"] in (8, 16) for p in draws[0])


@pytest.mark.parametrize(
    ("axis", "mean"),
    [
        (Range(0.0, 1.0), 0.5),
        (Range(1, 3), 2.0),
        (Range(0.0, 1.0, step=0.5), 0.5),
        (Range(1.0, math.e**2, log=True), (math.e**2 - 1) / 2),
    ],
    ids=["even", "whole", "step", "log"],
)
def test_draws_have_the_mean_of_their_distribution(axis, mean):
    rng = random.Random(0)
    drawn = [axis.draw(rng) for _ in range(4000)]
    assert sum(drawn) / 4000 == pytest.approx(mean, rel=0.05)
    assert all(isinstance(value, int) == axis.whole for value in drawn)


@pytest.mark.parametrize(
    ("axis", "says"),
    [
        (3, "must be a list of values, or a range"),
        ([], "must be a list of values, or a range"),
        ("abc", "must be a list of values, or a range"),
        ({"low": 1}, "must be a list of values, or a range"),
        ({"low": 2, "high": 1}, "a low that is at most its high"),
        ({"low": 0.0, "high": 1, "log": True}, "above 0 where log is True"),
        ({"low": 0, "high": 1, "stp": 1}, "has no 'stp'. Did you mean 'step'"),
        ({"low": "a", "high": 1}, "finite numbers"),
        ({"low": 0.0, "high": 1.0, "step": 0}, "a step above 0"),
    ],
    ids=str,
)
def test_wrong_axes_are_refused(axis, says):
    with pytest.raises(DataError, match=says) as error:
        space_of({}, {"lr": axis})
    assert "opt_paras['lr']" in str(error.value)


def test_optuna_finds_a_minimum_better_than_chance():
    strategy = OptunaStrategy({"x": {"low": -10.0, "high": 10.0}}, {"kind": [{"a": 1}, {"a": 9}]}, trials=40)
    strategy.begin(Goal("val_loss", "min"))
    values = []
    for number in range(40):
        proposal = strategy.propose()
        assert proposal is not None
        values.append((proposal.net_paras["x"] - 3) ** 2 + proposal.opt_paras["kind"]["a"])
        strategy.finished(number, values[-1])
    assert strategy.propose() is None
    assert min(values) < 1.5
    assert sum(values[20:]) < sum(values[:20]) / 2


def test_optuna_goes_on_where_an_earlier_call_was():
    def made():
        strategy = OptunaStrategy({}, {"x": {"low": 0.0, "high": 1.0}, "k": ["a", "b"]}, trials=3, seed=1)
        strategy.begin(Goal("val_loss", "min"))
        return strategy

    before, after = made(), made()
    first = before.propose()
    assert after.recall(first)
    after.finished(0, 0.5)
    assert len(list(iter(after.propose, None))) == 2
    assert not made().recall(type(first)({}, {"x": 0.5, "k": "c"}))


def test_optuna_s_pruner_stops_the_hopeless():
    strategy = OptunaStrategy({"x": [1]}, trials=9, sampler="random", pruner="median")
    strategy.begin(Goal("val_loss", "min"))
    for number in range(8):
        strategy.propose()
        assert not any(strategy.hopeless(number, step, 0.1) for step in (1, 2))
        strategy.finished(number, 0.1)
    strategy.propose()
    assert strategy.hopeless(8, 1, 5.0)


def test_what_optuna_has_not_is_refused():
    with pytest.raises(AkidError, match="sampler must be one of"):
        OptunaStrategy({"x": [1]}, trials=1, sampler="tp")


@pytest.mark.parametrize(
    ("spec", "goal"),
    [
        ("val_loss", Goal("val_loss", "min")),
        ("loss", Goal("loss", "min")),
        ("val_accuracy", Goal("val_accuracy", "max")),
        ("val_error", Goal("val_error", "min")),
        ({"metric": "val_x", "goal": "min"}, Goal("val_x", "min")),
        (Goal("val_a", "min"), Goal("val_a", "min")),
    ],
    ids=str,
)
def test_losses_are_to_be_small_and_measures_large(spec, goal):
    assert objective_of(spec) == goal
