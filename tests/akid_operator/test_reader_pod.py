"""The pod that reads a log volume, on a real server: taken where Pod Security is strict, and taken away again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

from akid.cli import main

pytestmark = pytest.mark.cluster

STRICT = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def test_the_logs_of_pods_that_are_gone_take_a_pod_for_a_moment(
    jobs: Jobs,
    hosted: Hosted,
    claim: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs.api.patch(f"/api/v1/namespaces/{jobs.namespace}", STRICT)
    jobs.create(
        job(plays={"run-for": "1ms"}, policy={"cleanPodPolicy": "All"}, volumes={"log": {"claimName": claim}})
    )
    jobs.reach("Succeeded")
    wait_for(lambda: not jobs.names("pods"), "its pods are gone")
    monkeypatch.setenv("PATH", f"{Path(jobs.cluster.layout.program('kubectl')).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(jobs.cluster.kubeconfig))
    assert main(["logs", "digits", "-n", jobs.namespace]) == 1
    # The nodes are played: a pod runs there, but nothing can be run in it.
    assert "kubectl exec failed: " in capsys.readouterr().err
    wait_for(lambda: not jobs.names("pods"), "it is taken away")
    about = [call.path for call in hosted.api.sent if call.writes and "digits-logs-" in call.path]
    assert about == [], "the operator has nothing to do with it"
