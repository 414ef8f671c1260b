"""The NetworkPolicy of a job, where whoever runs the jobs wants one."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import manifest
from job.scenes import OBJECTS, T0, TWO, running, seen

from akid.job import ObjectRole, Observed, Plan, PodDefaults, decide

PEER = {"podSelector": {"matchLabels": {"app": "prometheus"}}}


def policy(peers: tuple[dict[str, Any], ...] | None, observed: Observed | None = None) -> list[dict[str, Any]]:
    """The policies among what is made for a job of two."""
    decision = decide(manifest(engine=TWO), observed or Observed(), T0, PodDefaults(status_peers=peers))
    assert len(decision.manifests) == len(decision.plan.create)
    return [made for made in decision.manifests if made["kind"] == "NetworkPolicy"]


def test_members_reach_each_other_and_the_peers_the_status():
    (made,) = policy((PEER,))
    members = {"matchLabels": {"akid.dev/job": "digits"}}
    assert made["spec"] == {
        "podSelector": members,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": members}]},
            {"from": [PEER], "ports": [{"protocol": "TCP", "port": "metrics"}]},
        ],
    }
    assert made["metadata"]["ownerReferences"][0]["uid"] == "job-uid"


def test_without_peers_nobody_reads_the_status():
    (made,) = policy(())
    assert len(made["spec"]["ingress"]) == 1


def test_every_pod_has_the_labels_and_the_port_that_the_policy_is_about():
    decision = decide(manifest(engine=TWO), Observed(), T0, PodDefaults(status_peers=(PEER,)))
    pods = [made for made in decision.manifests if made["kind"] == "Pod"]
    assert {pod["metadata"]["labels"]["akid.dev/job"] for pod in pods} == {"digits"}
    assert all("metrics" in {port["name"] for port in pod["spec"]["containers"][0]["ports"]} for pod in pods)


@pytest.mark.parametrize(
    ("peers", "observed"), [(None, Observed()), ((PEER,), Observed(objects={ObjectRole.POLICY: "uid"}))],
    ids=["not wanted", "there already"],
)  # fmt: skip
def test_no_policy_is_made(peers: tuple[dict[str, Any], ...] | None, observed: Observed):
    assert policy(peers, observed) == []


def test_a_job_that_runs_needs_nothing():
    both = Observed(members=(seen("worker-0"), seen("worker-1")), objects=OBJECTS)
    settings = PodDefaults(status_peers=(PEER,))
    assert decide(manifest(engine=TWO) | {"status": running()}, both, T0, settings).plan == Plan()
