"""What came of a tuning, and its pictures."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest

from akid.errors import DataError
from akid.kids.stopping import Goal
from akid.tuner import Proposal, Status, Trial, TuneResult
from akid.tuner.table import flat, varying


def trial(number, value, status=Status.SUCCEEDED, **params):
    proposal = Proposal(params.pop("net", {}), params, 0, 1)
    return Trial(number, proposal, Path(f"t{number}"), status, best=value, best_step=1, last=value)


def factorial(effect):
    """Instances over lr x width, whose value is the effect."""
    pairs = itertools.product([0.1, 0.2], [8, 16, 32])
    return [trial(n, effect(lr, width), lr=lr, width=width) for n, (lr, width) in enumerate(pairs)]


def result(trials, goal="min"):
    return TuneResult(tuple(trials), Goal("val_loss", goal))


@pytest.mark.parametrize(("goal", "best"), [("min", 0), ("max", 2)])
def test_the_best_is_the_best_that_did_not_fail(goal, best):
    trials = [trial(0, 0.1), trial(1, 0.2), trial(2, 0.3, Status.PRUNED), trial(3, 9.9, Status.FAILED)]
    trials += [trial(4, -9.9, Status.FAILED), trial(5, None), trial(6, float("nan"))]
    assert result(trials, goal).best == trials[best]
    assert result([trial(0, None)]).best is None


def test_a_parameter_that_decides_all_has_importance_1():
    assert result(factorial(lambda lr, width: lr)).importance() == pytest.approx(
        {"opt_paras.lr": 1, "opt_paras.width": 0}
    )
    both = result(factorial(lambda lr, width: 10 * lr + width / 16)).importance()
    assert sum(both.values()) == pytest.approx(1)  # without interaction the main effects are all there is
    assert list(both) == ["opt_paras.width", "opt_paras.lr"]
    assert result(factorial(lambda lr, width: 1.0)).importance() == {}


def test_parameters_that_vary_together_are_one():
    trials = [trial(n, 1.0, net={"act": [{"type": t}] * 2, "bn": True}, lr=0.1) for n, t in enumerate("ab")]
    assert varying(trials) == ["net_paras.act[0].type"]
    assert flat({"a": [], "b": {"c": [1, {"d": 2}]}}) == {"a": [], "b.c[0]": 1, "b.c[1].d": 2}


def test_rows_go_into_a_table_of_text_and_of_csv(tmp_path):
    told = result([trial(0, 0.25, lr=0.1), trial(1, None, Status.FAILED, lr=0.2)])
    with told.to_csv(tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["opt_paras.lr"], r["status"], r["best val_loss"]) for r in rows] == [
        ("0.1", "succeeded", "0.25"),
        ("0.2", "failed", ""),
    ]
    assert "0.25" in str(told)
    assert "failed" in str(told)


@pytest.mark.parametrize("picture", ["plot_bars", "plot_parallel_coordinates"])
def test_pictures_are_png_files_of_any_parameters(picture, tmp_path):
    trials = factorial(lambda lr, width: lr * width)
    trials += [trial(9, 0.5, lr=0.1, width=None, net={"a": {"type": "x" * 40}}), trial(10, None, lr=0.3)]
    path = getattr(result(trials), picture)(tmp_path / "p.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="none did"):
        getattr(result([trial(0, None)]), picture)(tmp_path / "none.png")
