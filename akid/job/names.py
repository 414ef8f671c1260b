"""Names, labels and ports: pure functions of the job, so that every write can be repeated."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from akid.job.api.engine import RoleName
from akid.job.api.job import GROUP, AkidJob

JOB_LABEL = f"{GROUP}/job"
ROLE_LABEL = f"{GROUP}/role"
INDEX_LABEL = f"{GROUP}/index"
ATTEMPT_LABEL = f"{GROUP}/attempt"
# The name of the pod's container that trains. Others may be put beside it, even before it, once the pod is made.
TRAINER_ANNOTATION = f"{GROUP}/trainer"
# On the chief only; its value is the job.
CHIEF_LABEL = f"{GROUP}/chief"
# On a trial: the job that is tuned, the trial's number, the measure that is reported.
TUNE_LABEL = f"{GROUP}/tune"
TRIAL_LABEL = f"{GROUP}/trial"
OBJECTIVE_ANNOTATION = f"{GROUP}/objective"
# On the pod of a job's TensorBoard; its value is the job, of which the pod is no member.
BOARD_LABEL = f"{GROUP}/tensorboard"
HASH_ANNOTATION = f"{GROUP}/content-hash"
TEMPLATE_ANNOTATION = f"{GROUP}/template-hash"
MANAGER = "akid-operator"

# Ports of a member by name; a template's container may give a port of that name another number.
# The trainer may use the 64 ports from tf on, a new one each generation.
PORTS = {"tf": 2222, "rendezvous": 2300, "metrics": 9464}


class ObjectRole(StrEnum):
    """What a plan creates and deletes, beside the members themselves."""

    JOB = "job"
    CONFIG = "config"
    TOKEN = "token"
    DATA_CLAIM = "data"
    LOG_CLAIM = "log"
    SERVICE = "service"
    RENDEZVOUS = "rendezvous"
    GANG = "gang"
    POLICY = "policy"
    BOARD = "tensorboard"
    BOARD_SERVICE = "tensorboard-service"
    BOARD_POLICY = "tensorboard-policy"
    MEMBER = "member"
    TRIAL = "trial"


BOARD_SUFFIX = "-tensorboard"
_SUFFIXES = {
    ObjectRole.CONFIG: "-kid",
    ObjectRole.DATA_CLAIM: "-data",
    ObjectRole.LOG_CLAIM: "-log",
    ObjectRole.RENDEZVOUS: "-rendezvous",
    ObjectRole.BOARD: BOARD_SUFFIX,
    ObjectRole.BOARD_SERVICE: BOARD_SUFFIX,
    ObjectRole.BOARD_POLICY: BOARD_SUFFIX,
}


def object_name(job: AkidJob, kind: ObjectRole) -> str:
    """The name of one of the job's objects (members have their own)."""
    name = job.metadata.name
    if kind is ObjectRole.TOKEN:
        # The operator may create Secrets but not read them: only the job's UID makes the name surely ours.
        return f"{name}-token-{hashlib.sha256(job.metadata.uid.encode()).hexdigest()[:8]}"
    return name + _SUFFIXES.get(kind, "")


def member_name(job: AkidJob, role: RoleName, index: int) -> str:
    """The name of a member's pod: without the attempt, so that two attempts can never run side by side."""
    return f"{job.metadata.name}-{role}-{index}"


def job_labels(job: AkidJob) -> dict[str, str]:
    """Labels of everything that belongs to the job."""
    return {"app.kubernetes.io/managed-by": MANAGER, JOB_LABEL: job.metadata.name}


def member_labels(job: AkidJob, role: RoleName, index: int) -> dict[str, str]:
    """Labels that select one member, whatever the attempt."""
    chief = chief_label(job) if (role, index) == job.spec.engine.chief else {}
    return {**job_labels(job), ROLE_LABEL: str(role), INDEX_LABEL: str(index), **chief}


def chief_label(job: AkidJob) -> dict[str, str]:
    """The label that selects the chief.

    One alone, which no other pod may have: a cluster compares every pod with all Services of its namespace.
    """
    return {CHIEF_LABEL: job.metadata.name}


def worker_selector(job: AkidJob) -> str:
    """The selector of the workers' pods, for the scale subresource."""
    return f"{JOB_LABEL}={job.metadata.name},{ROLE_LABEL}={RoleName.WORKER}"
