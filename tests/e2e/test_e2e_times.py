"""How long it takes to begin, and to go on after a loss. The DNS cache that most clusters have changes none of it.

The times are printed, beside what they should be; nothing here fails because a machine is slow.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

import pytest
from cluster.waiting import wait_for
from e2e.real import RealCluster
from e2e.times import Times
from e2e.training import PACED, Training, changed

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
NAME, CHIEF, WORKER = "timed", "timed-worker-0", "timed-worker-1"
AGAIN = "-> all training again"


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
        for pod, who in ((WORKER, "worker"), (CHIEF, "chief")):
            with training.goes_on(NAME, CHIEF, times, f"{case}: {who}'s training process killed {AGAIN}", 1):
                training.kill_training(pod)
        for pod, who, most in ((WORKER, "worker", 4), (CHIEF, "chief", 5)):
            with training.goes_on(NAME, CHIEF, times, f"{case}: {who}'s pod deleted {AGAIN}", most):
                training.kubectl("delete", "pod", pod, "--wait=false")
    assert training.status(NAME)["restarts"] == 0
    training.kubectl("delete", "akidjob", NAME, "--timeout=60s")
