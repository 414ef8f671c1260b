"""Two replicas as processes: who leads, who takes over and when, how they end."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cluster.waiting import wait_for
from jobs import Jobs, job
from proxy import Line
from replicas import Operator

# How long they take is what is tested.
pytestmark = [pytest.mark.cluster, pytest.mark.serial]

TWO = {"name": "multi_worker", "workers": 2}
LEASE_SECONDS = 3
# What a replica waits for in its end is bounded, by 2 s in all; the rest is for a machine that is busy.
LONGEST_END = 4
Start = Callable[[str], Operator]


@pytest.fixture
def start(kubeconfig: Path, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Starts replicas for the test's own namespace, by name."""
    with ExitStack() as running:
        arguments = (
            f"--namespace={namespace}",
            f"--lease-namespace={namespace}",
            f"--lease-seconds={LEASE_SECONDS}",
        )
        yield lambda name: running.enter_context(Operator(kubeconfig, tmp_path / f"{name}.log", *arguments))


@pytest.fixture
def pair(start: Start) -> tuple[Operator, Operator]:
    """A leader, and one who waits."""
    leader = start("first")
    wait_for(lambda: leading(leader), "the first leads")
    follower = start("second").ready()
    assert not leading(follower)
    return leader, follower


def leading(operator: Operator) -> bool:
    return operator.figure("akid_operator_leader") == 1


def lease(jobs: Jobs) -> dict[str, object]:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{jobs.namespace}/leases/akid-operator"
    return jobs.api.get(path)["spec"]


def test_a_second_after_the_lease_of_a_leader_that_was_killed_another_acts(
    jobs: Jobs, pair: tuple[Operator, Operator]
) -> None:
    leader, follower = pair
    jobs.create(job("before", engine=TWO, plays={"run-for": "6s"}))
    jobs.reach("Running", "before")
    leader.end(signal.SIGKILL)
    begun = time.monotonic()
    jobs.create(job("after", engine=TWO))
    wait_for(lambda: jobs.status("after"), "the second acts", 30, 0.02)
    seconds = time.monotonic() - begun
    print(f"acted after {seconds:.1f} s")
    assert leading(follower)
    assert seconds <= LEASE_SECONDS + 1
    jobs.reach("Succeeded", "before")
    assert "leaseTransitions" in lease(jobs)


def test_a_leader_that_was_frozen_writes_nothing_and_goes(jobs: Jobs, pair: tuple[Operator, Operator]) -> None:
    leader, follower = pair
    jobs.create(job("before", engine=TWO))
    jobs.reach("Running", "before")
    leader.send(signal.SIGSTOP)
    wait_for(lambda: leading(follower), "the second leads", LEASE_SECONDS + 3)
    jobs.create(job("after", engine=TWO))
    jobs.reach("Running", "after")
    leader.send(signal.SIGCONT)
    wait_for(lambda: leader.ended() is not None, "the first ends", 10)
    assert leader.ended() == 1
    for name in ("before", "after"):
        assert sorted(jobs.pods(name)) == [f"{name}-worker-0", f"{name}-worker-1"]
        assert jobs.reasons(name) == ["Created", "Running"]
    assert leading(follower)


def test_a_leader_keeps_its_lease_though_others_take_all_processors(
    jobs: Jobs, pair: tuple[Operator, Operator]
) -> None:
    leader, follower = pair
    before = lease(jobs)
    with busy(2 * len(os.sched_getaffinity(0))):
        end = time.monotonic() + 4 * LEASE_SECONDS
        for number in itertools.count():
            jobs.create(job(f"job-{number}", engine=TWO))
            jobs.reach("Running", f"job-{number}", 30)
            if time.monotonic() > end:
                break
    after = lease(jobs)
    kept = ("holderIdentity", "leaseTransitions", "acquireTime")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["renewTime"] != before["renewTime"]
    assert (leader.ended(), leading(follower)) == (None, False)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that do nothing, all the time, in the block."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait(10)


def test_a_line_that_falls_silent_costs_a_renewal_not_the_lease(
    jobs: Jobs, kubeconfig: Path, tmp_path: Path
) -> None:
    arguments = (
        f"--namespace={jobs.namespace}",
        f"--lease-namespace={jobs.namespace}",
        f"--lease-seconds={LEASE_SECONDS}",
    )
    with (
        Line(jobs.cluster.layout.api_port) as line,
        Operator(line.kubeconfig(kubeconfig), tmp_path / "log", *arguments) as operator,
    ):
        wait_for(lambda: leading(operator), "it leads")
        for _ in range(3):
            line.silence()
            renewed = lease(jobs)["renewTime"]
            wait_for(lambda: lease(jobs)["renewTime"] != renewed, "it is renewed", LEASE_SECONDS)  # noqa: B023
        assert leading(operator)
        assert "TimeoutError" in operator.log
        for word in ("Traceback", "Fatal", "ERROR"):
            assert word not in operator.log


def test_sigterm_ends_it_cleanly_and_lets_the_other_lead(jobs: Jobs, pair: tuple[Operator, Operator]) -> None:
    leader, follower = pair
    for number in range(20):
        jobs.create(job(f"job-{number}", engine=TWO))
    before, begun = lease(jobs)["holderIdentity"], time.monotonic()
    assert leader.end(signal.SIGTERM, timeout=LONGEST_END) == 0, leader.log
    print(f"ended after {time.monotonic() - begun:.2f} s")
    assert lease(jobs)["holderIdentity"] != before, f"the lease was not let go: {leader.log}"
    wait_for(lambda: leading(follower), "the second leads", 15)
    for number in range(20):
        jobs.reach("Running", f"job-{number}", 40)
    assert "Traceback" not in leader.log


def test_sigterm_ends_it_also_when_the_server_does_not_answer(jobs: Jobs, start: Start) -> None:
    operator = start("only")
    wait_for(lambda: leading(operator), "it leads")
    operator.ready()
    server = jobs.cluster.processes["kube-apiserver"]
    with server.paused():
        begun = time.monotonic()
        assert operator.end(signal.SIGTERM, timeout=LONGEST_END) == 0
        print(f"ended after {time.monotonic() - begun:.2f} s")
    wait_for(jobs.api.answers, "the server is back", 30)


def test_a_follower_ends_at_once_too(pair: tuple[Operator, Operator]) -> None:
    _, follower = pair
    assert follower.end(signal.SIGTERM, timeout=LONGEST_END) == 0


def test_it_tells_its_figures_and_its_health(jobs: Jobs, start: Start) -> None:
    operator = start("only")
    wait_for(lambda: leading(operator), "it leads")
    wait_for(lambda: operator.get("/readyz") == "ok", "it is ready")
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "137"})
    wait_for(lambda: jobs.status().get("restarts") == 1 and jobs.state() == "Running", "it has recovered")
    assert operator.figure('akid_jobs{state="Running"}') == 1
    jobs.annotate_pod("digits-worker-0", {"run-for": "10ms"})
    jobs.reach("Succeeded")
    assert operator.get("/healthz") == "ok"
    figures = {
        'akid_jobs_finished_total{reason="Completed",result="Succeeded"}': 1,
        "akid_job_start_seconds_count": 1,
        "akid_job_recovery_seconds_count": 1,
        "akid_job_restarts_total": 1,
        'akid_operator_api_request_seconds_count{code="201",kind="pods",verb="POST"}': 3,
    }
    assert {name: operator.figure(name) for name in figures} == figures
    assert operator.figure("akid_operator_resync_age_seconds") > 0
    assert operator.figure('akid_operator_reconcile_seconds_count{result="ok"}') > 0
    text = operator.get("/metrics")
    for name in ("queue_depth", "queue_wait_seconds", "resync_seconds", "resync_repairs_total", "leader"):
        assert f"\nakid_operator_{name}" in text


def test_without_a_cluster_it_says_so(tmp_path: Path) -> None:
    with Operator(tmp_path / "none", tmp_path / "log") as operator:
        wait_for(lambda: operator.ended() is not None, "it ends")
        assert operator.ended() == 1
        assert "which does not exist" in operator.log
