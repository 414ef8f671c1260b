"""Whether the logs of a job outlive its pods, and how they are read then."""

from __future__ import annotations

from akid.errors import DataError
from akid.job import AkidJob
from akid.job.api.engine import RoleName
from akid.job.api.template import is_supervised, trainer_of
from akid.job.objects.volumes import log_dir


def check_kept(job: AkidJob) -> None:
    """See that the logs of a job outlive its pods.

    Raises:
        DataError: they do not, with what to change.
    """
    gone, volume = f"The logs of {job.metadata.name} went with its pods:", job.spec.volumes.log
    if volume is None or volume.empty_dir is not None:
        remedy = "Use a volume that stays, such as spec.volumes.log.claimName."
        raise DataError(f"{gone} spec.volumes.log is an emptyDir of each. {remedy}")
    if not any(_keeps_log(job, role) for role, number in job.spec.engine.counts.items() if number):
        remedy = "Begin the program with `akid train -- `."
        raise DataError(f"{gone} only akid's trainer keeps them on the log volume. {remedy}")


def _keeps_log(job: AkidJob, role: RoleName) -> bool:
    return is_supervised(trainer_of(job.spec.template_of(role).to_json().get("spec", {})))


def reading(job: AkidJob, member: str, start: int | None) -> list[str]:
    """The command that prints the logs where the log volume is mounted.

    Args:
        job: the job.
        member: such as ``worker-1``; every one if empty.
        start: which of its starts; every one if None.
    """
    argv = ["python", "-m", "akid", "logs", log_dir(job)]
    argv += ["--member", member] if member else []
    return argv + (["--attempt", str(start)] if start is not None else [])
