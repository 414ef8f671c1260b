"""From a raw manifest to manifests: total, whatever the server holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job.manifests import manifest, put
from job.scenes import SERVERS, T0, TWO, running, seen

from akid.job import Observed, Plan, PodDefaults, decide

NONE = PodDefaults()


def reason(plan: Plan) -> str:
    conditions = (plan.status or {}).get("conditions", [])
    return next((c["reason"] for c in conditions if c["type"] == "Failed"), "")


def test_manifests_come_in_the_order_of_the_creates():
    decision = decide(manifest(engine=TWO), Observed(), T0, NONE)
    kinds = [described["kind"] for described in decision.manifests]
    assert kinds == ["ConfigMap", "Secret", "Service", "Pod", "Pod"]


def test_a_job_that_is_not_valid_fails_with_every_problem():
    raw = put(put(manifest(), "spec.engine", {"wrkers": 1}), "spec.image", 3)
    decision = decide(raw, Observed(), T0, NONE)
    assert reason(decision.plan) == "InvalidSpec"
    lines = decision.plan.events[0].message.splitlines()
    assert lines[0].endswith("spec.engine.wrkers: unknown field. Did you mean 'workers'?")
    assert lines[1] == "spec.image: expected a text, received 3 (an integer)."
    assert not decision.manifests


def test_a_job_that_is_no_longer_valid_loses_its_running_pods_and_fails_once():
    raw = put(put(manifest(), "spec.engine", {"wrkers": 1}), "status", running())
    decision = decide(raw, Observed(members=(seen("worker-0"),)), T0, NONE)
    assert [delete.name for delete in decision.plan.delete] == ["digits-worker-0"]
    again = decide(put(raw, "status", decision.plan.status), Observed(), T0, NONE)
    assert again.plan == Plan()


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
    assert len(decision.manifests) == len(decision.plan.create)
