"""From a raw manifest to manifests: total, whatever the server holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job.manifests import manifest, put
from job.scenes import OBJECTS, SERVERS, T0, TWO, at, condition, running, seen

from akid.job import MemberState, ObjectRole, Observed, Plan, PodDefaults, decide

NONE = PodDefaults()


def reason(plan: Plan) -> str:
    conditions = (plan.status or {}).get("conditions", [])
    return next((c["reason"] for c in conditions if c["type"] == "Failed"), "")


def test_manifests_come_in_the_order_of_the_creates():
    decision = decide(manifest(engine=TWO), Observed(), T0, NONE)
    kinds = [described["kind"] for described in decision.manifests]
    assert kinds == ["ConfigMap", "Secret", "Service", "Pod", "Pod"]


def test_a_new_job_that_is_not_valid_fails_with_every_problem():
    raw = put(put(manifest(), "spec.engine", {"workers": "two"}), "spec.image", 3)
    decision = decide(raw, Observed(), T0, NONE)
    assert reason(decision.plan) == "InvalidSpec"
    lines = decision.plan.events[0].message.splitlines()
    assert lines[0].endswith("spec.engine.workers: expected an integer, received 'two' (a text).")
    assert lines[1] == "spec.image: expected a text, received 3 (an integer)."
    assert not decision.manifests
    assert decide(put(raw, "status", decision.plan.status), Observed(), T0, NONE).plan == Plan()


CREATED = {"type": "Created", "status": "True", "reason": "Accepted", "lastTransitionTime": "2026-01-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.fancy", {"deep": 1}),
        ("spec.engine.elastic", True),
        ("spec.runPolicy", {"backoffPolicy": "Linear"}),
        ("spec.roles", {"worker": {"replicas": 3}}),
        ("spec.template", {"metadata": {"name": "x"}, "status": {}}),
        ("spec.volumes", {"log": {"emptyDir": {"shared": True}}}),
        ("status.fancy", 1),
        ("status.replicaStatuses", {"worker": {"active": 2, "lost": 1}, "watcher": {"active": 1}}),
        ("status.conditions", [CREATED, CREATED | {"type": "Elastic", "severity": "Info"}]),
        ("status.state", "Resizing"),
    ],
)  # fmt: skip
def test_what_another_version_added_on_the_server_is_ignored(path: str, value: Any):
    raw = manifest(engine=TWO) | {"status": running()}
    both = Observed(members=(seen("worker-0"), seen("worker-1")), objects=OBJECTS)
    decision = decide(put(raw, path, value), both, T0, NONE)
    assert decision.job is not None
    assert (decision.plan.delete, decision.plan.create, reason(decision.plan)) == ((), (), "")
    if path.startswith("spec"):
        assert decision.plan == Plan()


UNREADABLE = [("spec.runPolicy", {"cleanPodPolicy": "Later"}), ("spec.volumes", {"log": {"glusterfs": {}}}),
              ("spec.engine.name", "elastic")]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), UNREADABLE)
def test_a_job_that_has_begun_stays_as_it_is_when_its_spec_cannot_be_read(path: str, value: Any):
    raw = put(manifest(engine=TWO) | {"status": running()}, path, value)
    lost = Observed(members=(seen("worker-0"), seen("worker-1", "Failed", exit_code=1)))
    plan = decide(raw, lost, T0, NONE).plan
    assert (plan.delete, plan.create, reason(plan)) == ((), (), "")
    assert plan.status is not None
    assert plan.status["state"] == "Running"
    queued = next(c for c in plan.status["conditions"] if c["type"] == "Queued")
    assert (queued["status"], queued["reason"]) == ("True", "UnreadableSpec")
    assert path in queued["message"]
    assert [event.reason for event in plan.events] == ["UnreadableSpec"]
    again = put(raw, "status", plan.status)
    assert decide(again, lost, T0, NONE).plan == Plan()
    read = put(manifest(engine=TWO), "status", plan.status)
    both = Observed(members=(seen("worker-0"), seen("worker-1")), objects=OBJECTS)
    assert condition(decide(read, both, T0, NONE).plan, "Queued") == ("False", "Admitted")


def test_a_pod_without_a_status_yet_is_a_job_that_has_begun():
    raw = put(manifest(engine=TWO), "spec.engine.name", "elastic")
    assert not decide(raw, Observed(members=(seen("worker-0"),)), T0, NONE).plan.delete


def test_a_status_that_cannot_be_read_is_not_written_over():
    raw = put(manifest(engine=TWO) | {"status": running()}, "status.attempt", "second")
    assert decide(raw, Observed(members=(seen("worker-0"),)), T0, NONE).plan == Plan()


def test_a_job_that_is_deleted_is_let_go_even_if_it_cannot_be_read():
    raw = put(manifest(engine=TWO) | {"status": running()}, "spec.engine.name", "elastic")
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    going = Observed(members=(seen("worker-0", deletion_due=T0),))
    plan = decide(raw, going, at(60), NONE).plan
    assert [(delete.name, delete.force) for delete in plan.delete] == [("digits-worker-0", True)]


@pytest.mark.parametrize(
    ("member", "renewed"),
    [(None, True), (seen("worker-0", "Failed", exit_code=137), True), (seen("worker-0"), False)],
    ids=["no pod", "a failed pod", "a running pod"],
)
def test_a_service_made_from_another_content_is_made_anew_while_nobody_needs_it(
    member: MemberState | None, renewed: bool
):
    observed = Observed(
        members=(member,) if member else (), objects=OBJECTS, contents={ObjectRole.RENDEZVOUS: "x"}
    )
    decision = decide(manifest(engine=TWO) | {"status": running()}, observed, T0, NONE)
    services = [delete.kind for delete in decision.plan.delete if delete.kind is not ObjectRole.MEMBER]
    made = [create.kind for create in decision.plan.create if create.kind is ObjectRole.RENDEZVOUS]
    assert (services, made) == (([ObjectRole.RENDEZVOUS],) * 2 if renewed else ([], []))


def test_a_service_made_from_this_content_is_left():
    raw = manifest(engine=TWO)
    made = next(m for m in decide(raw, Observed(), T0, NONE).manifests if m["kind"] == "Service")
    contents = {ObjectRole.RENDEZVOUS: made["metadata"]["annotations"]["akid.dev/content-hash"]}
    decision = decide(raw, Observed(objects=OBJECTS, contents=contents), T0, NONE)
    assert not decision.plan.delete
    assert ObjectRole.RENDEZVOUS not in [create.kind for create in decision.plan.create]


def test_an_operator_without_a_default_image_ends_no_job_that_runs():
    raw = manifest(engine=TWO, image=None) | {"status": running()}
    both = Observed(members=(seen("worker-0"), seen("worker-1")), objects=OBJECTS)
    assert decide(raw, both, T0, NONE).plan == Plan()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({}, "spec.image: required, since neither the template of worker nor the operator has one."),
        ({"engine": SERVERS, "roles": {"ps": {"template": {"spec": {"containers": [{"image": "i"}]}}}}},
         "spec.image: required, since neither the template of chief nor the operator has one."),
        ({"template": {"spec": {"containers": [{"image": "i"}]}}}, ""),
        ({"image": "i"}, ""),
    ],
)  # fmt: skip
def test_a_job_without_an_image_fails(spec: dict[str, Any], problem: str):
    raw = manifest(**{"image": None, **spec})
    decision = decide(raw, Observed(), T0, NONE)
    assert reason(decision.plan) == ("InvalidTemplate" if problem else "")
    assert problem in str(decision.plan.status)
    assert not reason(decide(raw, Observed(), T0, PodDefaults(image="default:1")).plan)


PATHS = st.sampled_from([
    "metadata", "metadata.name", "metadata.labels", "spec", "spec.kid", "spec.kid.brain", "spec.engine",
    "spec.template",
    "spec.engine.workers", "spec.runPolicy", "spec.volumes", "spec.scheduling", "spec.roles", "status",
    "status.conditions", "status.replicaStatuses", "status.startTime", "status.countedPods", "kind",
])  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2000) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PATHS, ANYTHING), min_size=1, max_size=3))
def test_the_planner_is_total(changes: list[tuple[str, Any]]):
    raw = manifest(engine=TWO)
    raw["status"] = running()
    for path, value in changes:
        try:
            raw = put(raw, path, value)
        except (AttributeError, TypeError, KeyError, ValueError, IndexError):
            continue
    members = (seen("worker-0"), seen("worker-1", "Failed", exit_code=137), seen("worker-9", "Succeeded"))
    decision = decide(raw, Observed(members=members), T0, NONE)
    assert len(list(decision.manifests)) == len(decision.plan.create)
