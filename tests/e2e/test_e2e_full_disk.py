"""A log volume that is full: training goes on; what waits is written later, or the job fails with the reason."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from e2e.claims import shared_claim
from e2e.node import Node
from e2e.prepare import OWNER
from e2e.real import RealCluster
from e2e.training import PACED, Training, changed

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
STEPS, TIMEOUT = 300, 30


class SmallVolume:
    """A claim on one node, of a few megabytes.

    Args:
        node: where.
        directory: behind the claim.
    """

    def __init__(self, node: Node, directory: Path) -> None:
        self.node, self.directory = node, directory
        options = f"size=8m,uid={OWNER},gid={OWNER}"
        self._run("mount", "-t", "tmpfs", "-o", options, "akid-small", str(directory))

    def fill(self) -> None:
        """Leave no space."""
        self._run("sh", "-c", f"cat /dev/zero > {self.directory}/filler 2> /dev/null || true")

    def empty(self) -> None:
        """Take away what fills it."""
        self._run("rm", str(self.directory / "filler"))

    def _run(self, *argv: str) -> None:
        subprocess.run(self.node.inside(*argv), check=True, timeout=TIMEOUT)


@pytest.fixture
def volume(nodes: RealCluster, training: Training) -> SmallVolume:
    """The claim `shared` of the namespace."""
    return SmallVolume(nodes.nodes[0], shared_claim(nodes, training.namespace))


def trains_on(training: Training, volume: SmallVolume, name: str) -> None:
    """A job that writes to the volume, which then has no space; it trains beyond the next checkpoint."""

    def change(spec: dict[str, Any]) -> None:
        spec["engine"] = {"name": "single"}
        spec["kid"]["params"] = {"steps": STEPS, "seconds": 0.05}
        spec["volumes"] = {"log": {"claimName": "shared"}}
        spec["template"] = {"spec": {"nodeSelector": {"kubernetes.io/hostname": volume.node.name}}}

    training.apply(changed(PACED, name, change))
    training.trains(name, beyond=10)
    volume.fill()
    training.trains(name, beyond=120)
    assert "No space left on device. The training goes on" in training.logs(f"{name}-worker-0")


def test_what_waits_is_written_once_there_is_space(training: Training, volume: SmallVolume) -> None:
    trains_on(training, volume, "patient")
    volume.empty()
    status = training.reach("patient", "Succeeded", timeout=120)
    assert (status["progress"]["step"], status["restarts"]) == (STEPS, 0)
    assert training.told_steps("patient-worker-0") == list(range(20, STEPS + 1, 20))


def test_a_job_that_ends_without_space_fails_with_the_reason(training: Training, volume: SmallVolume) -> None:
    trains_on(training, volume, "cramped")
    status = training.reach("cramped", "Failed", timeout=120)
    assert "No space left on device" in status["lastFailure"]["message"]
    assert status["progress"]["step"] == STEPS
