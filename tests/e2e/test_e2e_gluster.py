"""Faults of the file system while jobs read and write on it: training goes on, and what was saved is there."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
from csi.gluster import Gluster
from e2e.site import Site
from e2e.times import Times
from e2e.training import RECORDS, Training, changed
from e2e.volumes import VOLUME, of_job, with_digits
from json_lines import json_lines

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
STEPS = 300


@pytest.fixture
def trains(training: Training, gluster: Gluster) -> str:
    """A job of two workers on GlusterFS that trains; its name."""
    with_digits(gluster)

    def change(spec: dict[str, Any]) -> None:
        spec["engine"]["workers"] = 2
        spec["kid"]["params"]["steps"] = STEPS
        spec["volumes"] = of_job(gluster, training.namespace)

    training.apply(changed(RECORDS, "on-gluster", change))
    training.trains("on-gluster", beyond=20)
    return "on-gluster"


def succeeds(training: Training, name: str) -> None:
    status = training.reach(name, "Succeeded", timeout=300)
    assert (status["progress"]["step"], status["restarts"]) == (STEPS, 0)


def contents(brick: Path, namespace: str) -> dict[str, str]:
    """The digest of each file of a namespace that a brick holds."""
    files = (path for path in (brick / namespace).rglob("*") if path.is_file())
    return {str(path.relative_to(brick)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_brick_is_killed_and_healed(training: Training, gluster: Gluster, trains: str) -> None:
    gluster.kill_brick(2, VOLUME)
    training.trains(trains, beyond=training.step(trains) + 40)
    gluster.heal(VOLUME)
    succeeds(training, trains)
    gluster.heal(VOLUME)
    first, *others = (contents(gluster.brick(node, VOLUME), training.namespace) for node in (1, 2, 3))
    assert any(name.endswith("result.json") for name in first)
    assert others == [first, first]


def test_the_driver_is_restarted_on_both_nodes(
    site: Site, training: Training, gluster: Gluster, trains: str, times: Times
) -> None:
    training.trains(trains, beyond=110)  # a checkpoint is told, of step 100
    begun, step = time.monotonic(), training.step(trains)
    site.restart_driver()
    training.trains(trains, beyond=step + 20)
    times.note("GlusterFS driver restarted -> 20 steps on", time.monotonic() - begun)
    succeeds(training, trains)
    brick = gluster.brick(1, VOLUME) / training.namespace
    assert [path.name for path in sorted(brick.rglob("checkpoints/step-*"))] == [
        f"step-{step:08d}" for step in (100, 200, STEPS)
    ]
    [metrics] = brick.rglob("metrics.jsonl")
    told = [line["step"] for line in json_lines(metrics.read_text()) if line["kind"] == "train"]
    assert told == list(range(20, STEPS + 1, 20))
