"""The planner for what a server holds: a raw manifest in, manifests out. A job that is not valid fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError

from akid.job.api.job import AkidJob
from akid.job.api.status import Status
from akid.job.manifest.load import parse
from akid.job.manifest.problems import InvalidManifestError
from akid.job.names import ObjectRole
from akid.job.objects.pods import PodDefaults, place_of
from akid.job.objects.services_and_config import Manifest, manifest
from akid.job.planner.build import event
from akid.job.planner.conditions import MAX_TEXT, changed, with_condition
from akid.job.planner.interface import CreateFailure, CreateFailureReason, Delete, Event, Observed, Plan
from akid.job.planner.plan import plan


@dataclass(frozen=True)
class Decision:
    """A plan and the manifests of what it creates, in the same order.

    Args:
        plan: what to do.
        manifests: of plan.create.
        job: the job, if it is valid.
    """

    plan: Plan
    manifests: tuple[Manifest, ...] = ()
    job: AkidJob | None = None


def decide(raw: Mapping[str, Any], observed: Observed, now: datetime, settings: PodDefaults) -> Decision:
    """What to do for a job as the server holds it.

    Args:
        raw: the AkidJob's manifest.
        observed: what there is of it.
        now: the time, aware.
        settings: what the operator is set up with.
    """
    try:
        job = parse(raw)
    except InvalidManifestError as error:
        return Decision(_refused(raw, observed, now, str(error)))
    missing = image_problem(job, settings)
    if missing:
        failure = CreateFailure(CreateFailureReason.INVALID_TEMPLATE, missing)
        observed = replace(observed, create_failures=(*observed.create_failures, failure))
    result = plan(job, observed, now)
    if not result.create:
        return Decision(result, job=job)
    place = place_of(job)
    return Decision(result, tuple(manifest(job, create, settings, place) for create in result.create), job)


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


def _refused(raw: Mapping[str, Any], observed: Observed, now: datetime, problems: str) -> Plan:
    """A job that is not valid fails; its pods, if it once was valid, go."""
    metadata = raw.get("metadata")
    generation = cast("Mapping[str, Any]", metadata).get("generation") if isinstance(metadata, Mapping) else 0
    try:
        old = Status.model_validate(raw.get("status") or {})
    except ValidationError:
        old = Status()
    deletes = tuple(
        Delete(ObjectRole.MEMBER, state.name, state.uid)
        for state in observed.members
        if not state.terminal and not state.terminating
    )
    if old.finished:
        return Plan(delete=deletes)
    status = old.model_copy(update={"completion_time": now.replace(microsecond=0)})
    for kind in ("Running", "Restarting", "Queued", "Suspended"):
        status = with_condition(status, kind, False, "Failed", "the job has failed", now)
    generation = generation if isinstance(generation, int) else 0
    status = with_condition(status, "Failed", True, "InvalidSpec", problems[:MAX_TEXT], now, generation)
    events: tuple[Event, ...] = (event("Failed", f"The job is not valid: {problems}", warning=True),)
    return Plan(delete=deletes, status=changed(old, status)[0], events=events)
