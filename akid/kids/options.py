"""The arguments of a Kid, checked: what can be said about them before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from akid.checks import Check, optional
from akid.errors import AkidError, near_match
from akid.kids.stopping import Goal, short_names

if TYPE_CHECKING:
    from akid.sensors.sensor import Sensor

T = TypeVar("T")


def part(kind: type[T], default: Callable[[], T] | None = None, **given: T | None) -> T:
    """A part of a Kid, given by one of its names.

    Args:
        kind: its class.
        default: makes it, if it may be left out.
        **given: by name, the usual one first.

    Raises:
        AkidError: it is missing, given twice, or another thing.
    """
    name, value = Check().one_given(**given)
    if value is None and default is not None:
        return default()
    if isinstance(value, kind):
        return value
    made = f", received the class {value.__name__}; write {value.__name__}(...)" if isinstance(value, type) else ""
    usual = next(iter(given))
    problem = f"A Kid needs a {usual}: expected a {kind.__name__}{made}. Received: {name}={value!r}"
    raise AkidError(problem, argument=name)


def check_length(max_steps: int | None, max_epoch: int | None) -> None:
    """One of the two, and only one.

    Raises:
        AkidError: none or both are given, or not an integer >= 0.
    """
    given = {"max_steps": max_steps, "max_epoch": max_epoch}
    numbers = [n for n in given.values() if n is not None]
    if len(numbers) != 1 or type(numbers[0]) is not int or numbers[0] < 0:
        raise AkidError(f"A Kid needs exactly one of max_steps and max_epoch, an integer >= 0. Received: {given}")


def last_step(sensor: Sensor, max_steps: int | None, max_epoch: int | None) -> int:
    """The step practice ends at.

    Raises:
        AkidError: ``max_epoch`` is given for data without an end.
    """
    if max_steps is not None:
        return max_steps
    if sensor.endless:
        raise AkidError(
            "The training examples have no end, so there are no epochs; give max_steps, not max_epoch."
        )
    return math.ceil((max_epoch or 0) * sensor.size("train") / sensor.batch_size)


def check_counts(**counts: int | None) -> None:
    """Numbers of steps, or of things: integers >= 1, or None.

    Raises:
        AkidError: one is not.
    """
    for name, value in counts.items():
        optional(Check().integer, name, value)


def check_flags(**flags: bool | None) -> None:
    """Switches: True or False, or None.

    Raises:
        AkidError: one is not.
    """
    for name, value in flags.items():
        optional(Check().flag, name, value)


def check_goal(goal: Goal, stopping: bool, evals: Iterable[str], has_validation: bool) -> None:
    """What is to be the best is measured, and there is something to measure it on.

    Args:
        goal: of the validations.
        stopping: whether training stops early.
        evals: full names of the measures.
        has_validation: whether there are examples to validate on.

    Raises:
        AkidError: the metric is not measured, with a near match; or there is no validation split.
    """
    names = ["loss", *short_names(list(evals)).values()]
    if goal.metric not in names:
        meant = goal.metric.removeprefix("val_").rsplit("/", 1)[-1]
        hint = f"Did you mean {meant!r}?" if meant in names else near_match(goal.metric, names)
        problem = f"best_metric: validation has no measure {goal.metric!r}. {hint}"
        raise AkidError(problem, argument="best_metric", hint=hint)
    if not has_validation and (stopping or goal.metric != "loss"):
        what = "early_stopping" if stopping else f"best_metric={goal.metric!r}"
        raise AkidError(
            f"{what} needs a validation split, and the source has none. Give it a num_val > 0.",
            argument=what.partition("=")[0],
        )


def check_can_learn(losses: Iterable[str], parameters: Mapping[str, Any], brain: str) -> None:
    """A brain that is to be trained has a loss and something to learn.

    Raises:
        AkidError: it has no loss, or no parameters.
    """
    if not [name for name in losses if name.rsplit("/", 1)[-1] != "wd"]:
        raise AkidError(
            f"The brain {brain!r} has no loss, so it cannot learn; attach a loss layer such as"
            " SoftmaxWithLossLayer. Without one a Kid can predict and export only."
        )
    if not parameters:
        raise AkidError(f"The brain {brain!r} has no parameters, so there is nothing to learn.")
