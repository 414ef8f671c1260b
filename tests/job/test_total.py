"""The planner gives a plan whatever is seen: words of any length, times at the end of all times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from job.manifests import manifest
from job.scenes import T0, TWO, at, look, running, seen

from akid.job import AkidJob, CreateFailure, CreateFailureReason, Phase
from akid.job.api.status import Progress

TIMES = st.none() | st.sampled_from([
    datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), T0, at(-5), at(5),
])  # fmt: skip
TEXTS = st.sampled_from(["", "Error", "x" * 300, "\u00e9" * 40_000])
FACTS = st.fixed_dictionaries({
    "reason": TEXTS, "message": TEXTS, "node": TEXTS, "created": TIMES, "finished": TIMES, "deletion_due": TIMES,
    "exit_code": st.sampled_from([None, 0, 1, 143, -1, 2**40]), "attempt": st.sampled_from([-1, 0, 1, 2**40]),
    "disrupted": st.booleans(), "finalizer_blocked": st.booleans(), "half_deleted": st.booleans(),
    "outlived": st.booleans(), "template": TEXTS,
})  # fmt: skip
FLOATS = st.floats() | st.none()
REPORTS = st.none() | st.builds(
    Progress, step=st.integers(0, 2**53), loss=FLOATS, metrics=st.dictionaries(st.just("accuracy"), FLOATS)
)
POLICIES: list[dict[str, Any]] = [
    {"restartStrategy": strategy, "maxRestarts": limit, "suspend": suspend, "ttlSecondsAfterFinished": 2**31 - 1,
     "activeDeadlineSeconds": 2**31 - 1, "pendingDeadlineSeconds": 2**31 - 1}
    for strategy in ("InPlace", "Recreate") for limit in (0, 1000) for suspend in (False, True)
]  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from(list(Phase)), FACTS), min_size=2, max_size=2),
    st.sampled_from(POLICIES),
    st.sampled_from([None, {}, running()]),
    st.sampled_from([T0, at(5), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]),
    REPORTS,
    TEXTS,
)
def test_any_observation_gives_a_plan_whose_status_the_schema_takes(
    members: Any, policy: dict[str, Any], status: Any, now: datetime, progress: Progress | None, told: str
) -> None:
    states = [seen(f"worker-{index}", phase, **facts) for index, (phase, facts) in enumerate(members)]
    failure = CreateFailure(CreateFailureReason.QUOTA_EXCEEDED, told, retry_at=now)
    plan = look(*states, status=status, now=now, runPolicy=policy, progress=progress, create_failures=(failure,))
    if plan.status is not None:
        assert (
            AkidJob.model_validate(manifest(engine=TWO) | {"status": plan.status}).status.to_json() == plan.status
        )
    assert all(len(event.message) <= 1000 and len(event.reason) <= 128 for event in plan.events)
