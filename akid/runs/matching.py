"""Which of a brain's variables a checkpoint of another run has. Decisions only, nothing is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from akid.errors import near_match
from akid.runs.variables import Form


@dataclass(frozen=True)
class Match:
    """What two sets of variables have in common.

    Attributes:
        loaded: full names of those with the same name, shape and dtype on both sides.
        excluded: those of the brain that are not wanted, and the pattern that says so.
        left_out: those of the brain that the checkpoint has not, or not like this, and why.
        unused: full names of those that only the checkpoint has.
    """

    loaded: tuple[str, ...]
    excluded: Mapping[str, str]
    left_out: Mapping[str, str]
    unused: tuple[str, ...]


def match(here: Mapping[str, Form], there: Mapping[str, Form], exclude: Sequence[str] = ()) -> Match:
    """Compare the variables of a brain with those of a checkpoint.

    Args:
        here: shape and dtype of the brain's, by full name.
        there: of the checkpoint's.
        exclude: patterns of full names, as a shell has them, of what is not wanted.
    """
    excluded: dict[str, str] = {}
    left_out: dict[str, str] = {}
    loaded: list[str] = []
    for name, form in here.items():
        pattern = next((p for p in exclude if fnmatchcase(name, p)), None)
        if pattern is not None:
            excluded[name] = pattern
        elif reason := _reason(name, form, there, [n for n in there if n not in here]):
            left_out[name] = reason
        else:
            loaded.append(name)
    wanted = {*here, *(n for n in there if any(fnmatchcase(n, p) for p in exclude))}
    return Match(tuple(loaded), excluded, left_out, tuple(n for n in there if n not in wanted))


def _reason(name: str, form: Form, there: Mapping[str, Form], others: Sequence[str]) -> str:
    """Why a variable cannot be taken from a checkpoint; empty if it can."""
    if name not in there:
        near = near_match(name, others)
        return "is not in the checkpoint." + (f" {near}" if near.startswith("Did") else "")
    shape, dtype = there[name]
    if shape != form[0]:
        return f"has the shape {shape} there and {form[0]} here."
    return "" if dtype == form[1] else f"is of dtype {dtype.name} there and of {form[1].name} here."


def useless(exclude: Sequence[str], here: Mapping[str, Form], there: Mapping[str, Form]) -> str | None:
    """The first pattern that no variable fits, on either side."""
    names = [*here, *there]
    return next((p for p in exclude if not any(fnmatchcase(name, p) for name in names)), None)
