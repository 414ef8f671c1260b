"""Another number of workers for a job that runs on this machine."""

from __future__ import annotations

from typing import Any

from akid.errors import InvalidSpecError
from akid.job import AkidJob, parse

#: Members that are not too many for a processor: they wait for each other more than they train.
PER_PROCESSOR = 4


def scaled(job: AkidJob, workers: int, cpus: int) -> AkidJob:
    """The job with so many workers, and its status as it is.

    Args:
        job: as it runs.
        workers: in all.
        cpus: processors of this machine.

    Raises:
        InvalidSpecError: it cannot have so many, or cannot be scaled at all.
    """
    engine = job.spec.engine
    path, most = "spec.engine.workers", PER_PROCESSOR * cpus
    if job.status.finished:
        raise InvalidSpecError(path, f"the job has {job.status.state.lower()} already.")
    if engine.name != "multi_worker":
        problem = f"only the engine multi_worker can be scaled, received engine {engine.name}."
        raise InvalidSpecError(path, problem, "Stop the run, and start it with another number.")
    if workers > max(most, engine.workers):
        problem = f"expected at most {most} on this machine with its {cpus} processors, received {workers}."
        raise InvalidSpecError(path, problem)
    if workers == engine.workers:
        return job
    spec: dict[str, Any] = job.spec.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    spec["engine"] = {**spec["engine"], "workers": workers}
    head = {"apiVersion": job.api_version, "kind": job.kind, "metadata": {"name": job.metadata.name}}
    metadata = job.metadata.model_copy(update={"generation": job.metadata.generation + 1})
    return job.model_copy(update={"spec": parse({**head, "spec": spec}).spec, "metadata": metadata})


def told(before: AkidJob, after: AkidJob) -> str:
    """What comes of it, in words."""
    name, old, new = before.metadata.name, before.spec.engine.workers, after.spec.engine.workers
    if old == new:
        return f"{name}: {new} workers, as before"
    how = "the others go on" if after.spec.engine.elastic else "without minWorkers, all of them are replaced"
    return f"{name}: from {old} to {new} workers; {how}"
