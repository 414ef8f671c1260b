"""Gangs and queues: all pods or none, and a clear word when the cluster has no gang scheduler."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import job
from job.scenes import TWO, at, condition, created, deleted, look, running, seen, started

from akid.job import Create, GangState, Member, ObjectRole, PodDefaults, gang_state
from akid.job.api.engine import RoleName
from akid.job.objects.pods import place_of
from akid.job.objects.services_and_config import manifest

COSCHEDULING = {"scheduling": {"gang": "coscheduling"}, "gangs": frozenset({"scheduling.x-k8s.io/v1alpha1"})}
BETA, ALPHA = "scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1alpha2"
NATIVE = {"gang": "kubernetes", "priorityClassName": "high"}
VOLCANO = {
    "scheduling": {"gang": "volcano", "queue": "research"},
    "gangs": frozenset({"scheduling.volcano.sh/v1beta1"}),
}


def group(scheduling: dict[str, Any], *served: str) -> dict[str, Any]:
    described = job(engine=TWO, scheduling=scheduling)
    create = Create(ObjectRole.GANG, 1)
    return manifest(described, create, PodDefaults(), place_of(described), frozenset(served))


def pod(scheduling: dict[str, Any]) -> dict[str, Any]:
    member = Member(RoleName.WORKER, 0)
    described = job(engine=TWO, scheduling=scheduling)
    return manifest(described, Create(ObjectRole.MEMBER, 0, member), PodDefaults(), place_of(described))


def test_a_gang_that_nobody_schedules_waits_and_says_so():
    waiting = look(scheduling={"gang": "coscheduling"})
    assert condition(waiting, "Queued") == ("True", "GangSchedulerMissing")
    assert (created(waiting), waiting.requeue_after) == ([], 5)
    assert "the cluster has no scheduling.x-k8s.io/v1alpha1 PodGroup" in waiting.events[1].message
    assert created(look(status=started(waiting), **COSCHEDULING))[-2:] == ["worker-0", "worker-1"]


def test_a_coscheduled_gang_is_made_before_its_pods():
    assert created(look(**COSCHEDULING)) == ["token", "gang", "worker-0", "worker-1"]


def test_volcano_holds_the_pods_until_the_group_is_admitted():
    assert created(look(**VOLCANO)) == ["gang"]
    held = look(**VOLCANO, gang=GangState("g", 0, admitted=False))
    assert (created(held), condition(held, "Queued")) == ([], ("True", "WaitingForQueue"))
    assert created(look(**VOLCANO, gang=GangState("g", 0)))[1:] == ["worker-0", "worker-1"]


def test_a_new_attempt_has_a_new_group():
    old = GangState("g", 0)
    grown = look(seen("worker-0"), seen("worker-1"), status=running(), engine={**TWO, "workers": 3},
                 gang=old, **COSCHEDULING)  # fmt: skip
    assert "digits" in deleted(grown)
    again = look(status=started(grown), engine={**TWO, "workers": 3}, gang=old, **COSCHEDULING)
    assert (deleted(again), created(again)) == (["digits"], [])
    fresh = look(status=started(grown), engine={**TWO, "workers": 3}, **COSCHEDULING, now=at(9))
    assert created(fresh)[1] == "gang"


@pytest.mark.parametrize(
    ("scheduling", "kind", "spec"),
    [
        ({"gang": "coscheduling"}, "scheduling.x-k8s.io/v1alpha1", {"minMember": 2}),
        ({"gang": "coscheduling", "minAvailable": 1}, "scheduling.x-k8s.io/v1alpha1", {"minMember": 1}),
        ({"gang": "volcano", "queue": "research", "priorityClassName": "high"},
         "scheduling.volcano.sh/v1beta1",
         {"minMember": 2, "queue": "research", "priorityClassName": "high"}),
    ],
)  # fmt: skip
def test_pod_groups(scheduling: dict[str, Any], kind: str, spec: dict[str, Any]):
    described = group(scheduling)
    assert (described["apiVersion"], described["kind"], described["spec"]) == (kind, "PodGroup", spec)
    assert gang_state({**described, "metadata": described["metadata"] | {"uid": "g"}}).attempt == 1


def test_pods_name_their_group():
    mine, theirs = pod({"gang": "coscheduling"}), pod({"gang": "volcano"})
    assert mine["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] == "digits"
    assert mine["spec"]["schedulerName"] == "scheduler-plugins-scheduler"
    assert theirs["metadata"]["annotations"]["scheduling.k8s.io/group-name"] == "digits"
    assert theirs["spec"]["schedulerName"] == "volcano"


@pytest.mark.parametrize(
    ("served", "version", "more"),
    [([BETA], BETA, {"priorityClassName": "high"}), ([ALPHA], ALPHA, {}),
     ([ALPHA, BETA], BETA, {"priorityClassName": "high"})],
    ids=["1.37", "1.36", "both"],
)  # fmt: skip
def test_kubernetes_own_group_is_of_a_version_that_is_served(
    served: list[str], version: str, more: dict[str, Any]
):
    described = group(NATIVE, *served)
    assert (described["apiVersion"], described["kind"]) == (version, "PodGroup")
    assert described["spec"] == {"schedulingPolicy": {"gang": {"minCount": 2}}, **more}
    seen_group = gang_state({**described, "metadata": described["metadata"] | {"uid": "g"}})
    assert seen_group == GangState("g", 1, admitted=True, api_version=version)
    assert created(look(scheduling=NATIVE, gangs=frozenset(served))) == ["token", "gang", "worker-0", "worker-1"]


def test_pods_name_kubernetes_own_group_by_a_field_and_keep_the_cluster_s_scheduler():
    spec = pod(NATIVE)["spec"]
    assert spec["schedulingGroup"] == {"podGroupName": "digits"}
    assert "schedulerName" not in spec


def test_a_cluster_whose_own_gangs_are_off_is_told_which_gate_turns_them_on():
    other = frozenset({"scheduling.volcano.sh/v1beta1"})
    waiting = look(scheduling=NATIVE, gangs=other)
    assert condition(waiting, "Queued") == ("True", "GangSchedulerMissing")
    assert f"no {BETA} PodGroup; turn on the feature gate GenericWorkload" in waiting.events[1].message


@pytest.mark.parametrize(
    ("phase", "admitted"), [(None, False), ("Pending", False), ("Inqueue", True), ("Running", True)]
)
def test_volcanos_phases(phase: str | None, admitted: bool):
    described = group({"gang": "volcano"}) | ({"status": {"phase": phase}} if phase else {})
    assert gang_state(described).admitted is admitted


def test_kueue_admits_the_pods_as_one_group():
    metadata = pod({"queue": "research"})["metadata"]
    assert metadata["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    assert metadata["labels"]["kueue.x-k8s.io/pod-group-name"] == "digits"
    assert metadata["annotations"]["kueue.x-k8s.io/pod-group-total-count"] == "2"
