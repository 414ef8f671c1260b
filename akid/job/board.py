"""The TensorBoard of a job: whether there is to be one, what it is made from, what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from akid.job.api.base import short_hash
from akid.job.api.job import AkidJob
from akid.job.names import ObjectRole

PORT = 6006
# The Service first: it is what tells that a finished job still has the rest.
BOARD = (ObjectRole.BOARD_SERVICE, ObjectRole.BOARD)
# Where jobs are shut off there is a NetworkPolicy too, which goes with the job: it is of no account without a pod.
PARTS = (*BOARD, ObjectRole.BOARD_POLICY)


@dataclass(frozen=True)
class BoardState:
    """What was seen of a job's TensorBoard.

    Args:
        ready: whether it answers.
        message: why it is not there, or cannot start.
        retry_at: when what the server refused may be tried again.
    """

    ready: bool = False
    message: str = ""
    retry_at: datetime | None = None


def wants_board(job: AkidJob) -> bool:
    """Whether a job asks for one, and has a log volume that another pod can read."""
    log, board = job.spec.volumes.log, job.spec.tensorboard
    return board is not None and board.enabled and log is not None and log.empty_dir is None


def board_content(job: AkidJob) -> str:
    """What it is made from and may change, in short; not what another version of the operator would add."""
    board = job.spec.tensorboard
    asked = board.model_dump(mode="json", include={"image", "resources"}, exclude_none=True) if board else {}
    return short_hash({"asked": asked, "template": job.spec.template_hash})


def board_url(job: AkidJob, service: str) -> str:
    """Where pods of the cluster reach it."""
    return f"http://{service}.{job.metadata.namespace}.svc:{PORT}"
