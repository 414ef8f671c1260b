"""What is known of a job's TensorBoard, and when to look again: there is no watch of Deployments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from akid.job import CreateFailure
from akid.job.api.base import parse_time
from akid.job.board import BoardState
from akid.job.names import BOARD_SUFFIX
from akid.job.objects.board import MAX_MESSAGE, board_state
from akid.job.planner.refusals import refused_again
from akid_operator.kube.api import Json

# Seconds between two looks: until it is ready, longer each time; then, since it may be lost later, as below.
FIRST_LOOK, LAST_LOOK, READY_LOOK = 1.0, 60.0, 300.0
# Of a finished job, until it is ready; some 10 minutes in all.
MOST_LOOKS = 15


@dataclass
class Board:
    """What is known of it.

    Args:
        found: what was seen last.
        look_at: when to look again, on the steady clock.
        looks: how often it was looked at, and was not ready.
        failure: what the server refused.
    """

    found: BoardState | None = None
    look_at: float = float("-inf")
    looks: int = 0
    failure: CreateFailure | None = None

    @property
    def state(self) -> BoardState | None:
        """As the planner sees it; None as long as nothing was seen."""
        if self.failure is not None:
            return BoardState(message=self.failure.message[:MAX_MESSAGE], retry_at=self.failure.retry_at)
        return self.found

    def due_in(self, now: float, *, finished: bool = False) -> float | None:
        """Seconds until it must be looked at; None once that of a finished job is ready, or never will be."""
        if finished and ((self.state is not None and self.state.ready) or self.looks >= MOST_LOOKS):
            return None
        return max(0.0, self.look_at - now)

    def seen(self, deployment: Json | None, now: float) -> None:
        """What was found in its place."""
        self.found = board_state(deployment) if deployment is not None else BoardState()
        if deployment is not None:
            self.failure = None
        self.looks = 0 if self.found.ready else self.looks + 1
        wait = READY_LOOK if self.found.ready else min(FIRST_LOOK * 2 ** min(self.looks - 1, 30), LAST_LOOK)
        self.look_at = now + wait

    def refused(self, failure: CreateFailure, now: datetime, retry_after: float = 0.0) -> None:
        """The server would not have all of it, and may ask for so many seconds."""
        known = (self.failure,) if self.failure else ()
        self.failure = refused_again(known, failure, now, retry_after)

    def asked_anew(self) -> None:
        """The job's spec has changed: what was refused may be taken now."""
        self.failure = None

    def made(self) -> None:
        """What was missing of it was made."""
        self.found, self.failure = self.found or BoardState(), None
        self.look_at, self.looks = float("-inf"), 0


def board_service(name: str) -> str:
    """The name of the Service of a job's TensorBoard."""
    return f"{name}{BOARD_SUFFIX}"


def board_seconds_left(job: Json, now: datetime) -> float | None:
    """Seconds until a finished job's is taken away; None if it goes with the job."""
    ended = parse_time(job.get("status", {}).get("completionTime"))
    lives = job["spec"].get("tensorboard", {}).get("ttlSecondsAfterFinished")
    if lives is None or not isinstance(ended, datetime):
        return None
    return max(0.0, (ended + timedelta(seconds=lives) - now).total_seconds())
