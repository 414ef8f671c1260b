"""The set-up of a Kid of a manifest: its errors become problems of the field they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from akid.blocks.trip import Trip
from akid.constructors import parameters_of
from akid.errors import (
    AkidError,
    DamagedFileError,
    InvalidSpecError,
    MissingDataError,
    StorageError,
    WiringError,
    blamed,
)
from akid.job.manifest.problems import join
from akid.kids.kid import Kid
from akid.kids.options import check_goal
from akid.kids.stopping import Goal
from akid.manifests.declare import Declared
from akid.manifests.problems import argument_path
from akid.op_errors import first_line
from akid.sensors.label_check import check_labels


def set_up(declared: Declared, path: str = "spec.kid") -> None:
    """Set the Kid up.

    Raises:
        InvalidSpecError: the data are missing or do not fit, or a block cannot take what it is given.
        AkidError: the same of a Kid made in Python, which has no paths.
    """
    if declared.in_python:
        declared.kid.setup()
        return
    try:
        _check_data(declared, path)
    except MissingDataError as error:
        raise InvalidSpecError(f"{path}.sensor.source", str(error)) from error
    with _errors_at(path, declared, parameters_of(Kid)):
        declared.kid.setup()


def check_shapes(declared: Declared, path: str = "spec.kid") -> str:
    """Build the brain in a graph of its own: shapes and wires that do not fit, a best_metric nobody measures.

    Nothing runs.

    Returns:
        Why shapes could not be checked; empty if they were.

    Raises:
        InvalidSpecError, AkidError: see `set_up`.
    """
    kid = declared.kid
    try:
        _check_data(declared, path)
    except MissingDataError as error:
        return f"shapes are not checked: {error}"
    with _errors_at(join(path, "brain"), declared):
        trip = Trip()
        kid.brain.trace(kid.sensor.signature(), trip=trip)
        check_labels(kid.sensor, trip.losses.values())
    with _errors_at(path, declared, parameters_of(Kid)):
        check_goal(
            Goal.of(kid.best_metric), kid.early_stopping is not None, trip.evals, kid.sensor.size("val") > 0
        )
    return ""


def _check_data(declared: Declared, path: str) -> None:
    sensor = declared.kid.sensor
    with _errors_at(f"{path}.sensor.source", declared):
        sensor.source.setup()
    with _errors_at(f"{path}.sensor", declared, parameters_of(type(sensor))):
        sensor.setup(declared.kid.seed)
    with _errors_at(f"{path}.sensor.jokers", declared):
        sensor.signature()


@contextmanager
def _errors_at(path: str, declared: Declared, arguments: Mapping[str, object] | None = None) -> Iterator[None]:
    """Errors in this context are of the field at ``path``, or of the block they came from."""
    try:
        yield
    except (InvalidSpecError, MissingDataError, StorageError, DamagedFileError):
        raise
    except Exception as error:
        name = blamed(error)
        place = _place(name, declared)
        if declared.in_python or not (name or isinstance(error, AkidError)):
            raise
        if not isinstance(error, AkidError):
            problem = f"{name!r} cannot take what it is given: {first_line(error)}"
            raise InvalidSpecError(place or path, problem) from error
        if isinstance(error, WiringError) and place:
            raise InvalidSpecError(f"{place}.inputs", str(error)) from error
        raise InvalidSpecError(argument_path(place or path, error, arguments or {}), str(error)) from error


def _place(name: str, declared: Declared) -> str:
    """The path of a block, or of the innermost block around it that stands in the manifest."""
    places = {**declared.jokers, **declared.blocks}
    while name and name not in places:
        name = name.rpartition("/")[0]
    return places.get(name, "")
