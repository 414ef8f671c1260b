"""Scenes for the planner's tests: a job with a status, the members that are seen, a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from job.manifests import manifest

from akid.job import AkidJob, Member, MemberState, ObjectRole, Observed, Phase, Plan, parse, plan
from akid.job.api.engine import RoleName
from akid.job.api.status import Status

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
TWO = {"name": "multi_worker", "workers": 2}
SERVERS = {"name": "parameter_server", "workers": 2, "parameterServers": 1, "evaluator": True}
OBJECTS = {kind: f"uid-{kind}" for kind in (ObjectRole.CONFIG, ObjectRole.SERVICE, ObjectRole.RENDEZVOUS)}


def at(seconds: float) -> datetime:
    """A time, in seconds after the job's start."""
    return T0 + timedelta(seconds=seconds)


def seen(name: str, phase: str = "Running", /, **facts: Any) -> MemberState:
    """A member as it is seen: `seen("worker-0", "Failed", exit_code=1)`."""
    role, index = name.rsplit("-", 1)
    facts = {"attempt": 0, "uid": f"uid-{name}", "created": T0, "ready": phase == "Running"} | facts
    return MemberState(
        name=f"digits-{name}", member=Member(RoleName(role), int(index)), phase=Phase(phase), **facts
    )


BOTH = (seen("worker-0"), seen("worker-1"))


def job_with(status: dict[str, Any] | None = None, /, **spec: Any) -> AkidJob:
    """The job with a status (JSON)."""
    return parse({**manifest(**spec), "status": status or {}})


def started(plan_: Plan) -> dict[str, Any]:
    """The status a plan writes."""
    assert plan_.status is not None
    return plan_.status


def running(members: int = 2, /, **spec: Any) -> dict[str, Any]:
    """The status of a job whose members all run since T0."""
    engine = spec.get("engine", TWO)
    job = job_with(**{"engine": engine, **spec})
    names = [f"{role}-{index}" for role, index in job.spec.engine.members()]
    states = tuple(seen(name) for name in names)
    return started(plan(job, Observed(members=states, objects=OBJECTS), T0))


def look(
    *members: MemberState,
    status: dict[str, Any] | None = None,
    now: datetime = T0,
    seen_objects: Any = None,
    **facts: Any,
) -> Plan:
    """The plan for a job of two workers (other parts of the spec by keyword) and what is seen of it."""
    observed_facts = {
        name: facts.pop(name)
        for name in ("gang", "gangs", "create_failures", "progress", "silent", "contents", "board")
        if name in facts
    }
    job = job_with(status, **{"engine": TWO, **facts})
    objects = OBJECTS if seen_objects is None else seen_objects
    return plan(job, Observed(members=members, objects=objects, **observed_facts), now)


def condition(plan_: Plan, kind: str) -> tuple[str, str]:
    """(status, reason) of a condition a plan writes."""
    found = Status.model_validate(plan_.status or {}).condition(kind)  # pyright: ignore[reportArgumentType]
    return (found.status, found.reason) if found else ("", "")


def created(plan_: Plan) -> list[str]:
    """What a plan creates: kinds, and members by role and index."""
    return [f"{c.member.role}-{c.member.index}" if c.member else str(c.kind) for c in plan_.create]


def deleted(plan_: Plan) -> list[str]:
    """What a plan deletes, `!` for by force."""
    return [d.name.removeprefix("digits-") + ("!" if d.force else "") for d in plan_.delete]
