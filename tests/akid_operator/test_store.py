"""What the store makes of news: new or old, soon or at once, lost or gone."""

from __future__ import annotations

from typing import Any

import pytest
from akid_operator.work.items import Key
from akid_operator.work.store import Store
from akid_operator.work.urgency import Urgency

KEY = Key("lab", "digits")


def a_job(version: int = 10, uid: str = "job-1", **status: Any) -> dict[str, Any]:
    metadata = {
        "name": "digits",
        "namespace": "lab",
        "uid": uid,
        "resourceVersion": str(version),
        "managedFields": [1],
    }
    return {"metadata": metadata, "spec": {}, **({"status": status} if status else {})}


def a_pod(version: int = 20, uid: str = "pod-1", owner: str = "job-1", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "digits-worker-0",
            "namespace": "lab",
            "uid": uid,
            "resourceVersion": str(version),
            "labels": {"akid.dev/job": "digits", "akid.dev/role": "worker", "akid.dev/index": "0"},
            "ownerReferences": [{"kind": "AkidJob", "name": "digits", "uid": owner, "controller": True}],
        },
        "spec": {"containers": [{"name": "trainer"}]},
        "status": {"phase": "Pending", **status},
    }


@pytest.fixture
def store() -> Store:
    result = Store()
    result.job_seen(a_job())
    return result


def members(store: Store) -> list[str]:
    return [state.uid for state in store.record(KEY).observed(frozenset()).members]


def test_a_job_is_news_once(store: Store) -> None:
    assert store.job_seen(a_job()) is Urgency.NONE
    assert store.job_seen(a_job(9)) is Urgency.NONE
    assert store.job_seen(a_job(11)) is Urgency.NOW
    kept = store.record(KEY).job
    assert kept is not None
    assert "managedFields" not in kept["metadata"]


def test_what_we_wrote_is_no_news_when_the_watch_tells_it(store: Store) -> None:
    store.pod_seen(a_pod(21))  # the answer to the create
    assert store.pod_seen(a_pod(21)) is Urgency.NONE
    assert members(store) == ["pod-1"]


def test_old_news_of_a_pod_are_ignored(store: Store) -> None:
    store.pod_seen(a_pod(30, phase="Running"))
    assert store.pod_seen(a_pod(25)) is Urgency.NONE
    assert store.record(KEY).observed(frozenset()).members[0].phase == "Running"


def test_progress_may_wait_and_losses_may_not(store: Store) -> None:
    store.pod_seen(a_pod(20))
    assert store.pod_seen(a_pod(21, phase="Running")) is Urgency.SOON
    assert store.pod_seen(a_pod(22, phase="Running", hostIP="1.2.3.4")) is Urgency.NONE
    assert store.pod_seen(a_pod(23, phase="Failed")) is Urgency.NOW


def test_a_pod_that_left_the_watch_is_lost_until_it_is_read(store: Store) -> None:
    store.pod_seen(a_pod(20, phase="Running"))
    assert store.pod_left(a_pod(24, phase="Running")) is Urgency.LEFT
    assert store.record(KEY).pods["digits-worker-0"].lost
    assert store.pod_left(a_pod(20, phase="Running")) is Urgency.LEFT


@pytest.mark.parametrize("version", [24, 25, 26])
def test_no_answer_to_a_write_finds_what_was_lost(store: Store, version: int) -> None:
    store.pod_seen(a_pod(20, phase="Running"))
    store.pod_left(a_pod(25, phase="Running"))
    store.pod_seen(a_pod(version, phase="Running", reason="deleted"))
    assert store.record(KEY).pods["digits-worker-0"].lost
    store.job_left(a_job(15, state="Running"))
    store.job_seen(a_job(14, state="Running"))
    assert store.record(KEY).lost


def test_a_new_pod_of_the_name_of_one_that_was_lost_is_there(store: Store) -> None:
    store.pod_seen(a_pod(20, phase="Running"))
    store.pod_left(a_pod(24, phase="Running"))
    store.pod_seen(a_pod(30, uid="pod-2"))
    assert not store.record(KEY).pods["digits-worker-0"].lost


def test_the_end_of_an_earlier_pod_does_not_touch_the_one_of_now(store: Store) -> None:
    store.pod_seen(a_pod(40, uid="pod-2"))
    assert store.pod_left(a_pod(39, uid="pod-1")) is Urgency.NONE
    store.record(KEY).pod_gone("digits-worker-0", "pod-1")
    assert members(store) == ["pod-2"]


def test_pods_of_an_earlier_job_of_the_name_are_not_the_new_ones(store: Store) -> None:
    store.pod_seen(a_pod())
    store.job_seen(a_job(50, uid="job-2"))
    assert members(store) == []
    assert store.record(KEY).uid == "job-2"


def test_a_pod_of_nobody_is_nobodys(store: Store) -> None:
    pod = a_pod()
    pod["metadata"]["ownerReferences"] = []
    assert store.pod_seen(pod) is Urgency.NONE
    assert members(store) == []


def test_what_a_list_does_not_show_is_lost_unless_it_is_newer(store: Store) -> None:
    store.pod_seen(a_pod(20, phase="Running"))
    assert store.pods_listed(set(), frozenset(), 19) == []
    assert store.pods_listed({"pod-1"}, frozenset(), 25) == []
    assert store.pods_listed(set(), frozenset({"elsewhere"}), 25) == []
    assert store.pods_listed(set(), frozenset({"lab"}), 25) == [KEY]
    assert store.jobs_listed([], frozenset(), 9) == []
    assert store.jobs_listed([KEY], frozenset(), 11) == []
    assert store.jobs_listed([], frozenset(), 11) == [KEY]


def test_finished_jobs_and_pods_are_not_missed_in_a_list(store: Store) -> None:
    store.pod_seen(a_pod(20, phase="Succeeded"))
    store.job_seen(a_job(21, state="Succeeded"))
    assert store.pods_listed(set(), frozenset(), 99) == []
    assert store.jobs_listed([], frozenset(), 99) == []
    assert store.job_left(a_job(21, state="Succeeded")) is Urgency.NONE


def test_late_news_of_a_job_that_is_forgotten_are_ignored(store: Store) -> None:
    store.job_seen(a_job(60, state="Succeeded"))
    store.forget(KEY)
    assert store.job_seen(a_job(55, state="Running")) is Urgency.NONE
    assert store.pod_seen(a_pod(61, phase="Running")) is Urgency.NONE
    assert list(store) == []
    assert store.job_seen(a_job(70, uid="job-2")) is Urgency.NOW


def test_of_a_new_job_all_is_known_and_of_one_that_has_begun_it_is_not(store: Store) -> None:
    assert store.record(KEY).complete
    other = Store()
    other.job_seen(a_job(state="Running"))
    assert not other.record(KEY).complete
