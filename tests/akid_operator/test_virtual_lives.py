"""The leader dies at any of its writes: another one brings the job to the same end, with the same pods."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from jobs import job
from stage import Script, Stage
from virtual_time import run_virtually

TWO = {"name": "multi_worker", "workers": 2}


async def expires(stage: Stage) -> None:
    await stage.reach("Running", 1)
    stage.finish("worker-0", 0)
    await stage.until(lambda: not stage.job(), "it has expired")


async def is_suspended(stage: Stage) -> None:
    await stage.reach("Running", 2)
    stage.cluster.edit("ada", "runPolicy", suspend=True)
    await stage.reach("Suspended")
    await stage.until(lambda: not stage.phases(), "its pods are gone")
    stage.cluster.edit("ada", "runPolicy", suspend=False)
    await stage.reach("Running", 2)
    stage.finish("worker-0", 0)
    await stage.reach("Succeeded")


async def is_scaled(stage: Stage) -> None:
    await stage.reach("Running", 2)
    stage.cluster.edit("ada", "engine", workers=3)
    await stage.reach("Running", 3)
    stage.finish("worker-0", 0)
    await stage.reach("Succeeded")


async def fails_once(stage: Stage) -> None:
    await stage.reach("Running", 2)
    stage.finish("worker-1", 137)
    await stage.until(lambda: stage.job()["status"].get("restarts") == 1, "the failure is counted")
    await stage.reach("Running", 2)
    stage.finish("worker-0", 0)
    await stage.reach("Succeeded")


LIVES: dict[str, tuple[Script, dict[str, Any], dict[str, int]]] = {
    "expires": (expires, job("ada", policy={"ttlSecondsAfterFinished": 5}), {"pods": 1, "restarts": 0}),
    "is suspended": (is_suspended, job("ada", engine=TWO), {"pods": 4, "restarts": 0}),
    "is scaled": (is_scaled, job("ada", engine=TWO), {"pods": 5, "restarts": 0}),
    "fails once": (fails_once, job("ada", engine=TWO, policy={"restartStrategy": "Recreate"}),
                   {"pods": 4, "restarts": 1}),
}  # fmt: skip


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "before the answer is read"])
@pytest.mark.parametrize("life", LIVES)
def test_killed_at_any_write_of_a_life(life: str, sent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    script, manifest, expected = LIVES[life]

    async def lived(site: int) -> tuple[dict[str, int], bool]:
        stage = Stage(site, sent)
        return await stage.play({**manifest, "metadata": dict(manifest["metadata"])}, script), stage.left < 0

    for site in itertools.count(1):
        found, died = run_virtually(monkeypatch, site, lived(site))
        assert found == expected, f"died at write {site}"
        if not died:
            break
    assert site > 6


LAG = 20.0


def test_watches_that_lag_behind_by_many_seconds_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote itself it knows; what happened before is told late, and in its order."""

    async def lived() -> tuple[dict[str, int], list[str]]:
        stage = Stage()
        stage.weather.lag = LAG
        return await stage.play(job("ada", engine=TWO), lags), stage.asked

    async def lags(stage: Stage) -> None:
        await stage.reach("Running", 2)
        for index in (1, 0, 1):
            stage.cluster.take_away(stage.pod(f"worker-{index}"), 0)
            await stage.until(lambda: len(stage.phases()) == 2, "it is replaced")
        stage.cluster.edit("ada", "engine", workers=3)
        await stage.reach("Running", 3)
        stage.finish("worker-0", 0)
        await stage.reach("Succeeded")

    found, asked = run_virtually(monkeypatch, 0, lived())
    assert found == {"pods": 8, "restarts": 0}
    assert asked.count("POST pods") == 8
