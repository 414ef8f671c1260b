"""What a chief reports: where it serves `/status`, and what of an answer may go into a job's status.

Whoever can run a pod can make it say anything: each value is taken only if it is of its type and in its range.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from akid.job.api.engine import RoleName
from akid.job.api.status import Progress
from akid.job.api.template import says_train
from akid.job.members import Member
from akid.job.names import CHIEF_LABEL
from akid.job.objects.observe import trainer_of_pod
from akid.job.parts import mapping

METRIC_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ./:@-]{0,127}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
INDEX = re.compile("[0-9]{1,6}")
MAX_METRICS = 64
# They move although the training stands still.
PASSING = ("eta", "goodput")


class Endpoint(NamedTuple):
    """Where a pod can be asked: its address (without brackets) and a port."""

    host: str
    port: int


def reports(pod: Mapping[str, Any]) -> bool:
    """Whether a pod tells its job's progress: it is the chief, under akid's trainer."""
    if CHIEF_LABEL not in mapping(mapping(pod, "metadata"), "labels"):
        return False
    return says_train(trainer_of_pod(pod))


def status_endpoint(pod: Mapping[str, Any]) -> Endpoint | None:
    """Where a pod serves `/status`; None if it has no address yet, or no such port."""
    try:
        host = str(ipaddress.ip_address(str(mapping(pod, "status").get("podIP", ""))))
    except ValueError:
        return None
    ports: list[Mapping[str, Any]] = trainer_of_pod(pod).get("ports") or []
    port = next((entry.get("containerPort") for entry in ports if entry.get("name") == "metrics"), None)
    return Endpoint(host, port) if isinstance(port, int) and 0 < port < 65_536 else None


def progress_of(body: bytes | str) -> Progress | None:
    """The progress in a body of `/status`; None if it tells no step.

    What is unknown, of another type, out of its range or no number (NaN, infinity) is left out, field by field.
    """
    try:
        told: Any = json.loads(body, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
    return progress_from(cast("Mapping[str, Any]", told)) if isinstance(told, dict) else None


def silent_of(body: bytes | str) -> frozenset[Member]:
    """The members that a chief does not hear, as it says in a body of `/status`."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    names: Any = cast("Mapping[str, Any]", told).get("silent") if isinstance(told, dict) else None
    listed = cast("list[object]", names) if isinstance(names, list) else []
    return frozenset(member for name in listed if (member := _member(name)))


def _member(name: object) -> Member | None:
    role, _, index = name.rpartition("-") if isinstance(name, str) else ("", "", "")
    return Member(RoleName(role), int(index)) if role in list(RoleName) and INDEX.fullmatch(index) else None


def progress_from(told: Mapping[str, Any]) -> Progress | None:
    """The same of what was read already; names may be the API's or Python's."""
    fields: dict[str, Any] = {}
    for name, field in Progress.model_fields.items():
        value = told.get(field.alias or name, told.get(name))
        value = READ.get(name, _as_it_is)(value)
        try:
            read = Progress.model_validate({name: value})
        except (ValidationError, OverflowError):
            continue
        fields[name] = getattr(read, name)
    return Progress(**fields) if fields.get("step") is not None else None


def stands_still(old: Progress | None, new: Progress) -> bool:
    """Whether there is nothing new but the time."""
    passing = {name: getattr(new, name) for name in PASSING}
    return old is not None and old.model_copy(update=passing) == new


def _as_it_is(value: object) -> object:
    return value


def _metrics(value: object) -> object:
    """The metrics that can be told, as many as fit."""
    if not isinstance(value, Mapping):
        return None
    good: dict[str, Any] = {}
    for name, number in cast("Mapping[Any, Any]", value).items():
        if isinstance(name, str) and METRIC_NAME.fullmatch(name) and len(good) < MAX_METRICS:
            try:
                good |= Progress.model_validate({"metrics": {name: number}}).metrics or {}
            except (ValidationError, OverflowError):
                continue
    return good or None


def _eta(value: object) -> object:
    """A time to the second, as it is written."""
    if not isinstance(value, str) or not TIME.fullmatch(value):
        return None
    try:
        time = datetime.fromisoformat(value).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None
    return time if time.year >= 1970 else None


READ = {"metrics": _metrics, "eta": _eta}
