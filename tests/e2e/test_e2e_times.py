"""How long it takes to begin, and to go on after a loss. The DNS cache that most clusters have changes none of it.

The times are printed, beside what they should be; nothing here fails because a machine is slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import pytest
from cluster.waiting import wait_for
from e2e.real import RealCluster
from e2e.times import Times
from e2e.training import PACED, Training, changed

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
NAME, CHIEF, WORKER = "timed", "timed-worker-0", "timed-worker-1"
#: What is lost, how it is told, and the seconds after which all should train again.
LOSSES: list[tuple[Callable[[Training], float], str, float]] = [
    (lambda training: training.kill_training(WORKER), "worker's training process killed", 1),
    (lambda training: training.kill_training(CHIEF), "chief's training process killed", 1),
    (lambda training: training.delete_pod(WORKER), "worker's pod deleted", 4),
    (lambda training: training.delete_pod(CHIEF), "chief's pod deleted", 5),
]


@pytest.mark.parametrize("cached", [True, False], ids=["dns-cache-of-30s", "no-dns-cache"])
def test_what_is_lost_is_soon_made_good(
    nodes: RealCluster, training: Training, times: Times, cached: bool
) -> None:
    case = "DNS cache of 30 s" if cached else "no DNS cache"
    with nullcontext() if cached else nodes.without_dns_cache():
        begun = time.monotonic()
        training.apply(changed(PACED, NAME, lambda spec: spec["kid"]["params"].update(steps=2000)))
        wait_for(lambda: training.supervisor(CHIEF).get("step", 0) > 0, "the first step", 300)
        times.note(f"{case}: apply -> first step", time.monotonic() - begun)
        for lost, what, most in LOSSES:
            seconds = training.goes_on(NAME, CHIEF, partial(lost, training))
            times.note(f"{case}: {what} -> all training again", seconds, most)
    assert training.status(NAME)["restarts"] == 0
    training.kubectl("delete", "akidjob", NAME, "--timeout=60s")
