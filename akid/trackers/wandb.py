"""Weights & Biases: a run of a project, on a server or, offline, in the run directory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from akid.errors import AkidError
from akid.trackers.identities import Identities
from akid.trackers.tracker import Description, Ending

if TYPE_CHECKING:
    from wandb import Run

#: Any one of these asks for it, unless `is_off`.
ASKED_BY = ("WANDB_MODE", "WANDB_PROJECT", "WANDB_RUN_ID", "WANDB_API_KEY")
#: As W&B understands exit codes: 255 is that of an interrupted run.
_EXIT_CODES = {Ending.FINISHED: 0, Ending.FAILED: 1, Ending.INTERRUPTED: 255}


def is_off(environment: Mapping[str, str]) -> bool:
    """Whether W&B is not to be told whatever else is set."""
    disabled = environment.get("WANDB_DISABLED", "").lower() in ("1", "true")
    return disabled or environment.get("WANDB_MODE") == "disabled"


class WandbTracker:
    """Tells W&B. A run that the user's code has begun is used, and left to it; else `wandb.run` is this one.

    Args:
        identities: of the run directory.
        environment: W&B's own variables; its client reads them too.
    """

    def __init__(self, identities: Identities, environment: Mapping[str, str] = os.environ) -> None:
        self._identities, self._environment = identities, environment
        self._run: Run
        self._is_mine = True

    def begin(self, description: Description) -> None:
        """See `Tracker`."""
        import wandb

        self._is_mine = wandb.run is None
        self._run = wandb.run or wandb.init(**self._arguments(description))
        self._run.config.update(description.config, allow_val_change=True)
        # A step that is made again after a restart is below W&B's own counter, which drops what is below.
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        self._run.log({"step": step, **values})

    def end(self, ending: Ending) -> None:
        """See `Tracker`."""
        if self._is_mine:
            self._run.finish(exit_code=_EXIT_CODES[ending])

    def _arguments(self, description: Description) -> dict[str, Any]:
        import wandb

        environment = self._environment
        offline = wandb.setup().settings.mode in ("offline", "dryrun")
        if not offline and not wandb.login(prompt=False):
            raise AkidError("there is no API key: run `wandb login`, or set WANDB_API_KEY or WANDB_MODE=offline")
        arguments: dict[str, Any] = {
            "id": self._id(),
            "name": environment.get("WANDB_NAME") or description.name,
            "dir": environment.get("WANDB_DIR") or str(self._identities.run_dir.path),
            "tags": [*filter(None, environment.get("WANDB_TAGS", "").split(",")), *description.tags.values()],
        }
        if not offline:
            arguments["resume"] = "allow"
        if "WANDB_CONSOLE" not in environment:  # what a run prints is a supervisor's or a runner's to keep
            arguments["settings"] = wandb.Settings(console="off")
        return arguments

    def _id(self) -> str:
        given = self._environment.get("WANDB_RUN_ID") or self._identities.noted("wandb").get("id")
        identity = given or secrets.token_hex(4)
        self._identities.note("wandb", {"id": identity})
        return identity
