"""The way from Kubeflow: a TFJob is converted, and its program runs as it is, by TensorFlow's own strategy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.reach import CORE
from e2e.site import NAMESPACE, Site
from e2e.times import Times
from e2e.training import Training

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
JOBS = Path(__file__).with_name("jobs")
NAME = "strategy"
POLLS = re.compile(r"^akid_operator_progress_polls_total{.*} (\S+)$", re.MULTILINE)


@pytest.fixture
def converted(site: Site, tmp_path: Path) -> str:
    """What `akid convert` makes of the TFJob."""
    tfjob = tmp_path / "tfjob.yaml"
    tfjob.write_text((JOBS / "tfjob.yaml").read_text().replace("TENSORFLOW", site.prepared.images["trainer"]))
    argv = [sys.executable, "-m", "akid", "convert", str(tfjob)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


def polls(site: Site) -> float:
    """How often the operator's replicas have asked a trainer for its progress."""
    path = f"{CORE}/namespaces/{NAMESPACE}/pods"
    told = [site.cluster.kubectl("get", "--raw", f"{path}/{name}:8080/proxy/metrics") for name in site.replicas()]
    return sum(map(float, POLLS.findall("".join(told))))


def test_a_tfjobs_program_runs_unchanged(site: Site, namespace: str, converted: str, times: Times) -> None:
    # As TFJobs do: in a namespace without Pod Security, and with no file of akid in the pods.
    training = Training(site.cluster, namespace)
    training.kubectl("create", "configmap", "program", f"--from-file={JOBS / 'strategy.py'}")
    before = polls(site)
    with times.of("converted TFJob: apply -> Succeeded"):
        training.apply(converted)
        status = training.reach(NAME, "Succeeded", timeout=400)
    assert status["restarts"] == 0
    assert "progress" not in status
    assert polls(site) == before
    assert training.kubectl("get", "configmaps", f"--selector=akid.dev/job={NAME}", "-o", "name") == ""
    pods = training.pods(NAME)
    assert sorted(pod["spec"]["nodeName"] for pod in pods.values()) == ["node-a", "node-b"]
    told = [training.lines(f"{NAME}-worker-{index}")[-1] for index in (0, 1)]
    assert [each["task"] for each in told] == [{"type": "worker", "index": index} for index in (0, 1)]
    assert [each["replicas"] for each in told] == [2, 2]
    assert told[0]["weights"] == told[1]["weights"]
    assert told[0]["loss"] == told[1]["loss"] < 0.3
