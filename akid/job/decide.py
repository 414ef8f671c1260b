"""The planner for what a server holds: a raw manifest in, manifests out. A new job that is not valid fails.

One that has begun never ends for that: the schema, or the operator, has become another version, and its pods do
not care. It stays as it is until its spec can be read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, overload

from akid.job.api.job import AkidJob
from akid.job.api.status import Status
from akid.job.api.tune import Tune
from akid.job.board import BOARD
from akid.job.manifest.problems import InvalidManifestError
from akid.job.manifest.served import parse_served, policy_of, status_of
from akid.job.members import Create
from akid.job.names import ObjectRole
from akid.job.objects.allowed import volume_problem
from akid.job.objects.pods import PodDefaults, place_of
from akid.job.objects.services_and_config import Manifest, content_hash, manifest
from akid.job.parts import mapping
from akid.job.planner.build import event
from akid.job.planner.conditions import MAX_TEXT, changed, with_condition
from akid.job.planner.deadlines import expiry, seconds_until
from akid.job.planner.interface import CreateFailure, CreateFailureReason, Delete, Observed, Plan
from akid.job.planner.plan import let_go, plan
from akid.job.planner.summary import with_message
from akid.job.tuning.manifests import trial_job
from akid.job.tuning.plan import plan_tune


class Manifests(Sequence[Manifest]):
    """Manifests that are made when they are asked for: those of a thousand pods take a second and 36 MB."""

    def __init__(
        self, job: AkidJob, creates: tuple[Create, ...], settings: PodDefaults, gangs: frozenset[str]
    ) -> None:
        self._job, self._creates, self._settings, self._gangs = job, creates, settings, gangs
        self._place = place_of(job)

    def __len__(self) -> int:
        return len(self._creates)

    @overload
    def __getitem__(self, index: int) -> Manifest: ...
    @overload
    def __getitem__(self, index: slice) -> list[Manifest]: ...
    def __getitem__(self, index: int | slice) -> Manifest | list[Manifest]:
        """One, or some, made anew."""
        if isinstance(index, slice):
            return [self._made(create) for create in self._creates[index]]
        return self._made(self._creates[index])

    def _made(self, create: Create) -> Manifest:
        return manifest(self._job, create, self._settings, self._place, self._gangs)


@dataclass(frozen=True)
class Decision:
    """A plan and the manifests of what it creates, in the same order.

    Args:
        plan: what to do.
        manifests: of plan.create.
        job: the job, if it can be read.
        problems: why it cannot.
    """

    plan: Plan
    manifests: Sequence[Manifest] = ()
    job: AkidJob | None = None
    problems: str = ""


def decide(raw: Mapping[str, Any], observed: Observed, now: datetime, settings: PodDefaults) -> Decision:
    """What to do for a job as the server holds it.

    Args:
        raw: the AkidJob's manifest.
        observed: what there is of it.
        now: the time, aware.
        settings: what the operator is set up with.
    """
    try:
        job = parse_served(raw)
    except InvalidManifestError as error:
        return Decision(_unreadable(raw, observed, now, str(error)), problems=str(error))
    if job.spec.tune is not None:
        return _decide_tune(raw, job, job.spec.tune, observed, now, settings)
    observed = _without_outdated(job, observed)
    result = plan(job, observed, now)
    problem = pod_problem(job, settings) if _makes_members(result) else ""
    if problem:
        failure = CreateFailure(CreateFailureReason.INVALID_TEMPLATE, problem)
        result = plan(job, replace(observed, create_failures=(*observed.create_failures, failure)), now)
    result = _with_policy(job, observed, result, settings)
    if not result.create:
        return Decision(result, job=job)
    return Decision(result, Manifests(job, result.create, settings, observed.gangs), job)


def _decide_tune(
    raw: Mapping[str, Any], job: AkidJob, tune: Tune, observed: Observed, now: datetime, settings: PodDefaults
) -> Decision:
    """What to do for a job that is tuned; no trial is made of which no pod could be made."""
    made = plan_tune(job, tune, observed, now)
    problem = pod_problem(job, settings) if made.trials else ""
    if problem:
        failure = CreateFailure(CreateFailureReason.INVALID_TEMPLATE, problem)
        made = plan_tune(job, tune, replace(observed, create_failures=(failure,)), now)
    return Decision(made.plan, [trial_job(raw, job, trial) for trial in made.trials], job)


def _without_outdated(job: AkidJob, observed: Observed) -> Observed:
    """Objects made from another content are outdated, unless a member still goes on with them."""
    if not all(state.stopped for state in observed.members):
        return observed
    outdated = {
        kind: observed.objects[kind]
        for kind, content in observed.contents.items()
        if kind in observed.objects and kind not in BOARD and content != content_hash(job, kind)
    }
    objects = {kind: uid for kind, uid in observed.objects.items() if kind not in outdated}
    return replace(observed, objects=objects, outdated=outdated) if outdated else observed


def _with_policy(job: AkidJob, observed: Observed, result: Plan, settings: PodDefaults) -> Plan:
    """The plan; whoever runs the jobs may want a NetworkPolicy to be there before a pod is."""
    made = {create.kind for create in result.create}
    guards = {ObjectRole.POLICY: ObjectRole.MEMBER, ObjectRole.BOARD_POLICY: ObjectRole.BOARD}
    missing = [kind for kind, of in guards.items() if of in made and kind not in observed.objects]
    if settings.status_peers is None or not missing:
        return result
    return replace(result, create=(*(Create(kind, job.status.attempt) for kind in missing), *result.create))


def _makes_members(result: Plan) -> bool:
    return any(create.kind is ObjectRole.MEMBER for create in result.create)


def pod_problem(job: AkidJob, settings: PodDefaults) -> str:
    """Why pods of the job are not made, with what the operator is set up with; empty if they are."""
    return volume_problem(job, settings.allowed_volumes) or image_problem(job, settings)


def image_problem(job: AkidJob, settings: PodDefaults) -> str:
    """What is wrong if a member's pod would have no image; else empty."""
    if job.spec.image or settings.image:
        return ""
    for role in (role for role, number in job.spec.engine.counts.items() if number):
        template = job.spec.template_of(role)
        containers = (template.spec.containers if template.spec else None) or []
        if not any((container.model_extra or {}).get("image") for container in containers):
            return f"spec.image: required, since neither the template of {role} nor the operator has one."
    return ""


def _unreadable(raw: Mapping[str, Any], observed: Observed, now: datetime, problems: str) -> Plan:
    """A job that cannot be read: a new one fails and expires, one that has begun stays as it is."""
    metadata = mapping(raw, "metadata")
    if metadata.get("deletionTimestamp") is not None:
        return let_go(observed, now)
    old = status_of(raw)
    if old is None:
        return Plan()
    if old.finished:
        return _expire(raw, old, now)
    given = metadata.get("generation")
    generation = given if isinstance(given, int) else 0
    if mapping(raw, "status") or observed.members:
        told = f"left as it is, since this operator cannot read it: {problems}"
        status = with_condition(old, "Queued", True, "UnreadableSpec", told, now, generation)
        events = (event("UnreadableSpec", f"The job is {told}", warning=True),)
        document = changed(old, with_message(status))[0]
        return Plan(status=document, events=events if document is not None else ())
    status = old.model_copy(update={"completion_time": now.replace(microsecond=0)})
    status = with_condition(status, "Failed", True, "InvalidSpec", problems[:MAX_TEXT], now, generation)
    events = (event("Failed", f"The job is not valid: {problems}", warning=True),)
    document = changed(old, with_message(status))[0]
    return replace(_expire(raw, status, now), delete=(), status=document, events=events)


def _expire(raw: Mapping[str, Any], status: Status, now: datetime) -> Plan:
    """What is left to do for a finished job that cannot be read: it is deleted when its time has come."""
    expires = expiry(status, policy_of(raw))
    if expires is None or expires > now:
        return Plan(requeue_after=seconds_until(now, [expires]))
    job = {name: str(mapping(raw, "metadata").get(name, "")) for name in ("name", "uid", "resourceVersion")}
    delete = Delete(ObjectRole.JOB, job["name"], job["uid"], version=job["resourceVersion"])
    return Plan(delete=(delete,), requeue_after=0.0)
