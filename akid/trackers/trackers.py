"""The trackers that the environment asks for, and what a run has to do with them."""

from __future__ import annotations

import importlib.util
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from akid.errors import StorageError, SupersededError
from akid.runs.run_dir import RunDir
from akid.trackers import mlflow, wandb
from akid.trackers.delivery import Delivery
from akid.trackers.identities import Identities
from akid.trackers.tracker import Description, Ending, Tracker

logger = logging.getLogger(__name__)

#: Seconds a tracker has, once the practice is over, to take what waits: a process that was told to end has few.
PATIENCE = {Ending.FINISHED: 30.0, Ending.FAILED: 30.0, Ending.INTERRUPTED: 5.0}


@dataclass(frozen=True)
class Known:
    """A tracker akid knows.

    Attributes:
        label: its name, for people.
        asked_by: environment variables, any of which asks for it.
        make: its client.
    """

    label: str
    asked_by: tuple[str, ...]
    make: Callable[[Identities], Tracker]


#: By the package of each client.
KNOWN = {
    "mlflow": Known("MLflow", mlflow.ASKED_BY, mlflow.MlflowTracker),
    "wandb": Known("Weights & Biases", wandb.ASKED_BY, wandb.WandbTracker),
}


def asked_for(environment: Mapping[str, str]) -> dict[str, str]:
    """The trackers that an environment asks for, by package, each with the variable that does."""
    found = {package: _first_set(known.asked_by, environment) for package, known in KNOWN.items()}
    if wandb.is_off(environment):
        found.pop("wandb", None)
    return {package: name for package, name in found.items() if name}


def _first_set(names: Iterable[str], environment: Mapping[str, str]) -> str:
    return next((name for name in names if environment.get(name)), "")


class Trackers:
    """Those of one practice.

    Args:
        run_dir: of the run; None if this process tells no one.
        describe: gives the run's description; called if there is a tracker.
        environment: asks for them.
    """

    def __init__(
        self, run_dir: RunDir | None, describe: Callable[[], Description],
        environment: Mapping[str, str] = os.environ,
    ) -> None:  # fmt: skip
        self._run_dir, self._deliveries = run_dir, list[Delivery]()
        wanted = [] if run_dir is None else [p for p, name in asked_for(environment).items() if _is_there(p, name)]
        if run_dir is None or not wanted:
            return
        identities, description = Identities(run_dir), describe()
        for package in wanted:
            known = KNOWN[package]
            tracker = known.make(identities)
            self._deliveries.append(Delivery(known.label, tracker, description, run_dir.check_newest))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Values of a step, by the names of TensorBoard's curves."""
        for delivery in self._deliveries:
            delivery.log(step, time.time(), values)

    def end(self, ending: Ending) -> None:
        """The practice is over; waits a little until all is told. Does nothing if another process goes on."""
        if self._run_dir is None or not self._deliveries:
            return
        try:
            self._run_dir.check_newest()
        except SupersededError:
            return
        except StorageError:
            pass  # nobody knows: each delivery asks again
        for delivery in self._deliveries:
            delivery.end(ending)
        deadline = time.monotonic() + PATIENCE[ending]
        for delivery in self._deliveries:
            delivery.wait(max(0.0, deadline - time.monotonic()))


def _is_there(package: str, variable: str) -> bool:
    """Whether a client is installed; told if not, since the variable may be set for all programs of a machine."""
    spec = importlib.util.find_spec(package)
    # A directory of this name, such as W&B makes, is a package as well, but of no file.
    if spec is not None and spec.origin is not None:
        return True
    logger.warning(
        "%s asks for %s, whose client is not installed: pip install %s. The run is not tracked.",
        variable, KNOWN[package].label, package,
    )  # fmt: skip
    return False
