"""The main job: one file, applied with kubectl, as README says."""

from __future__ import annotations

import time

import pytest
from cluster.waiting import wait_for
from e2e import quickstart
from e2e.times import Times
from e2e.training import Training

pytestmark = [pytest.mark.e2e, pytest.mark.smoke]
STEPS = 600


def test_the_digits_are_learnt_while_kubectl_shows_how_far_it_is(training: Training, times: Times) -> None:
    apply, *others = quickstart.commands("kubectl")
    assert [words[0] for words in (apply, *others)] == ["apply", "get", "wait", "logs"]
    begun = time.monotonic()
    training.kubectl(*apply)
    rows: list[dict[str, str]] = []

    def seen() -> bool:
        rows.append(training.row("digits"))
        return rows[-1]["STATE"] in ("Succeeded", "Failed")

    wait_for(seen, "digits ends", timeout=240, every=0.3)
    times.note("digits: apply -> Succeeded", time.monotonic() - begun)
    assert rows[-1]["STATE"] == "Succeeded"
    steps = [int(row["STEP"]) for row in rows if row["STEP"]]
    assert steps == sorted(steps)
    assert steps[-1] == STEPS
    assert len(set(steps)) >= 3, "STEP does not move"
    assert len({row["LOSS"] for row in rows if row["LOSS"]}) >= 2, "LOSS does not move"

    for words in others:
        assert training.kubectl(*words)
    progress = training.status("digits")["progress"]
    assert progress["metrics"]["val_accuracy"] > 0.95
    told = [line for line in training.lines("digits-worker-0") if line.get("kind") == "train"]
    assert [line["step"] for line in told] == list(range(100, STEPS + 1, 100))
    reasons = [event["reason"] for event in training.events("digits")]
    assert reasons == ["Created", "Running", "Succeeded"]
