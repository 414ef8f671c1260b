"""Reading pods as the cluster shows them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job.scenes import at

from akid.job import Phase, gang_state, member_state

LABELS = {"akid.dev/job": "digits", "akid.dev/role": "worker", "akid.dev/index": "1", "akid.dev/attempt": "2"}


def pod(status: dict[str, Any] | None = None, /, **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "trainer"}, {"name": "side"}], "nodeName": "node-a"}
    return {
        "metadata": {"name": "p", "uid": "u", "labels": LABELS, **metadata},
        "spec": spec,
        "status": status or {},
    }


def container(name: str = "trainer", /, **state: Any) -> list[dict[str, Any]]:
    return [{"name": name, "state": state}]


def ended(code: int, **facts: Any) -> list[dict[str, Any]]:
    return container(terminated={"exitCode": code, "finishedAt": "2026-01-01T12:00:09Z", **facts})


def test_a_pod_in_full():
    status = {"phase": "Failed", "containerStatuses": ended(137, reason="OOMKilled", message="last words")}
    seen = member_state(pod(status, creationTimestamp="2026-01-01T12:00:00Z"))
    assert (seen.name, seen.uid, seen.attempt, seen.node) == ("p", "u", 2, "node-a")
    assert seen.member is not None
    assert (seen.member.role, seen.member.index) == ("worker", 1)
    assert (seen.phase, seen.exit_code, seen.reason, seen.message) == (
        "Failed",
        137,
        "OOMKilled",
        "last words",
    )
    assert (seen.created, seen.finished) == (at(0), at(9))


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ({}, Phase.PENDING),
        ({"phase": "Pending"}, Phase.PENDING),
        ({"phase": "Running"}, Phase.RUNNING),
        ({"phase": "Unknown"}, Phase.PENDING),
        ({"phase": "Running", "containerStatuses": ended(0)}, Phase.SUCCEEDED),
        ({"phase": "Running", "containerStatuses": ended(1)}, Phase.FAILED),
        (
            {"phase": "Running", "containerStatuses": container("side", terminated={"exitCode": 1})},
            Phase.RUNNING,
        ),
        ({"phase": "Failed", "reason": "Evicted"}, Phase.FAILED),
        ({"phase": "Failed", "reason": "Evicted", "containerStatuses": ended(0)}, Phase.FAILED),
    ],
)
def test_the_trainer_decides_and_a_side_car_does_not(status: dict[str, Any], phase: Phase):
    assert member_state(pod(status)).phase is phase


@pytest.mark.parametrize(
    ("status", "stopped"),
    [
        ({"phase": "Running", "containerStatuses": ended(0)}, False),
        ({"phase": "Running", "containerStatuses": ended(1)}, False),
        ({"phase": "Succeeded", "containerStatuses": ended(0)}, True),
        ({"phase": "Failed", "containerStatuses": ended(1)}, True),
        ({"phase": "Failed", "reason": "Evicted"}, True),
        ({"phase": "Running"}, False),
    ],
)
def test_a_pod_whose_trainer_ended_has_not_stopped_while_a_side_car_runs(status: dict[str, Any], stopped: bool):
    assert member_state(pod(status)).stopped is stopped


INJECTED = [{"name": "istio-proxy", "state": {"running": {}}},
            {"name": "tensorflow", "state": {"terminated": {"exitCode": 0}}}]  # fmt: skip


@pytest.mark.parametrize(
    ("annotations", "env"),
    [({"akid.dev/trainer": "tensorflow"}, []), ({}, [{"name": "AKID_ROLE", "value": "worker"}])],
    ids=["named", "made by an earlier version"],
)
def test_a_container_that_is_put_in_front_is_not_taken_for_the_trainer(
    annotations: dict[str, str], env: list[dict[str, str]]
):
    injected = pod({"phase": "Running", "containerStatuses": INJECTED}, annotations=annotations)
    injected["spec"]["containers"] = [{"name": "istio-proxy"}, {"name": "tensorflow", "env": env}]
    seen = member_state(injected)
    assert (seen.phase, seen.exit_code) == (Phase.SUCCEEDED, 0)


def terminated(name: str, code: int, /, **facts: Any) -> list[dict[str, Any]]:
    return container(name, terminated={"exitCode": code, **facts})


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"initContainerStatuses": terminated("fetch", 1, reason="Error", message="404")},
         ("ContainerFailed", "container fetch ended with exit code 1: 404")),
        ({"initContainerStatuses": terminated("fetch", 137, reason="OOMKilled")},
         ("OOMKilled", "container fetch ended with exit code 137 (OOMKilled)")),
        ({"initContainerStatuses": terminated("ready", 0) + terminated("fetch", 1, message="404"),
          "containerStatuses": container(waiting={"reason": "PodInitializing"})},
         ("ContainerFailed", "container fetch ended with exit code 1: 404")),
        ({"containerStatuses": ended(1, reason="Error", message="mine") + terminated("side", 3)},
         ("Error", "mine")),
        ({"reason": "Evicted", "message": "disk", "initContainerStatuses": terminated("fetch", 1)},
         ("Evicted", "disk")),
        ({}, ("Error", "")),
    ],
)  # fmt: skip
def test_why_a_pod_failed_whichever_container_it_was(status: dict[str, Any], why: tuple[str, str]):
    seen = member_state(pod({"phase": "Failed", **status}))
    assert (seen.reason, seen.message) == why


PULL = {"reason": "ImagePullBackOff", "message": "no such image"}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"containerStatuses": container(running={}) + container("side", waiting=PULL)},
         ("ImagePullBackOff", "container side: no such image")),
        ({"containerStatuses": container("side", waiting=PULL) + container(waiting={"reason": "ErrImagePull"})},
         ("ErrImagePull", "")),
        ({"containerStatuses": container(waiting={"reason": "PodInitializing"}),
          "initContainerStatuses": container("fetch", waiting=PULL)},
         ("ImagePullBackOff", "container fetch: no such image")),
        ({"containerStatuses": container(waiting={"reason": "ContainerCreating"})}, ("ContainerCreating", "")),
    ],
)  # fmt: skip
def test_what_a_pod_waits_for_whichever_container_it_is(status: dict[str, Any], why: tuple[str, str]):
    seen = member_state(pod({"phase": "Pending", **status}))
    assert (seen.reason, seen.message) == why


@pytest.mark.parametrize(
    ("status", "disrupted"),
    [
        ({"phase": "Failed", "reason": "Evicted"}, True),
        ({"phase": "Failed", "reason": "OutOfnvidia.com/gpu"}, True),
        ({"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]}, True),
        ({"phase": "Failed", "containerStatuses": ended(137, reason="OOMKilled")}, False),
        ({"phase": "Failed", "reason": "DeadlineExceeded"}, False),
    ],
)
def test_what_the_cluster_did_is_a_disruption(status: dict[str, Any], disrupted: bool):
    assert member_state(pod(status)).disrupted is disrupted


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
         "Unschedulable"),
        ({"phase": "Pending", "containerStatuses": container(waiting={"reason": "ImagePullBackOff"})},
         "ImagePullBackOff"),
        ({"phase": "Pending", "initContainerStatuses": container("init", waiting={"reason": "ErrImagePull"})},
         "ErrImagePull"),
        ({"phase": "Running"}, ""),
    ],
)  # fmt: skip
def test_what_a_pod_waits_for(status: dict[str, Any], reason: str):
    assert member_state(pod(status)).reason == reason


def test_a_pod_that_is_being_deleted():
    assert member_state(pod(deletionTimestamp="2026-01-01T12:00:30Z")).deletion_due == at(30)
    assert not member_state(pod()).terminating


@pytest.mark.parametrize(
    ("grace", "finalizers", "blocked", "half_deleted"),
    [(30, [], False, False), (30, ["a/b"], False, False), (0, ["a/b"], True, False), (0, [], False, True)],
)
def test_what_is_deleted_without_a_grace_period_and_still_there_has_a_finalizer_or_was_left_half_way(
    grace: int, finalizers: list[str], blocked: bool, half_deleted: bool
):
    gone = {"deletionTimestamp": "2026-01-01T12:00:30Z", "deletionGracePeriodSeconds": grace}
    state = member_state(pod(**gone, finalizers=finalizers))
    assert (state.finalizer_blocked, state.half_deleted) == (blocked, half_deleted)
    assert not member_state(pod()).finalizer_blocked
    assert not member_state(pod()).half_deleted


def test_a_pod_that_is_to_be_preempted_says_so():
    target = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "m"}
    seen = member_state(pod({"phase": "Running", "conditions": [target]}))
    assert (seen.disrupted, seen.reason, seen.message) == (True, "PreemptionByScheduler", "m")


def target(second: int) -> dict[str, Any]:
    when = f"2026-01-01T12:00:{second:02}Z"
    return {"type": "DisruptionTarget", "status": "True", "reason": "Evicted", "lastTransitionTime": when}


@pytest.mark.parametrize(
    ("second", "code", "phase", "disrupted"),
    [(8, 1, Phase.FAILED, True), (9, 1, Phase.FAILED, True), (10, 1, Phase.FAILED, False),
     (8, 0, Phase.FAILED, True), (10, 0, Phase.SUCCEEDED, False)],
)  # fmt: skip
def test_what_came_first_counts_the_trainers_end_or_the_disruption(
    second: int, code: int, phase: Phase, disrupted: bool
):
    seen = member_state(pod({"phase": "Failed", "conditions": [target(second)], "containerStatuses": ended(code)}))
    assert (seen.phase, seen.disrupted) == (phase, disrupted)


@pytest.mark.parametrize(
    ("reason", "statuses", "refused"),
    [("TopologyAffinityError", [], True), ("OutOfcpu", [], True), ("UnexpectedAdmissionError", [], True),
     ("SysctlForbidden", container(waiting={"reason": "ContainerCreating"}), True),
     ("Evicted", ended(137), False), ("DeadlineExceeded", [], False), ("", [], False)],
)  # fmt: skip
def test_what_a_kubelet_would_not_run_is_a_disruption_whatever_it_says(
    reason: str, statuses: list[Any], refused: bool
):
    seen = member_state(pod({"phase": "Failed", "reason": reason, "containerStatuses": statuses}))
    assert seen.refused is refused
    assert seen.disrupted is (refused or reason == "Evicted")


def test_a_pod_without_the_jobs_label_is_no_member():
    assert member_state(pod(labels={"akid.dev/role": "worker", "akid.dev/index": "1"})).member is None


KEYS = ["metadata", "status", "labels", "phase", "state", "terminated", "containerStatuses", "name"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(KEYS), inner, max_size=3
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), JSON))
def test_whatever_is_in_a_pod_can_be_read(anything: dict[str, Any]):
    assert member_state(anything).phase in list(Phase)
    assert gang_state(anything).attempt >= -1
