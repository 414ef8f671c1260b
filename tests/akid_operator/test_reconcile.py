"""One job against a server in memory: what is written, in what order, and what a refusal leads to."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from akid_operator.kube.api import Answer
from akid_operator.work.apply import WaitError
from scene import CORE, JOB, KEY, TWO, Scene


def test_the_status_comes_first_then_the_objects_then_the_pods() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    assert scene.server.log[:2] == ["PUT akidjobs/status", "status: Created"]
    assert sorted(scene.server.log[2:5]) == ["POST configmaps", "POST secrets", "POST services"]
    assert scene.server.log[5:] == ["POST pods", "POST pods"]
    assert scene.told == ["Created"]


def test_nothing_is_written_when_nothing_changed() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    for name in ("digits-worker-0", "digits-worker-1"):
        scene.pod(name, phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    scene.run()
    assert scene.server.log == ["PUT akidjobs/status", "status: Running"]
    for _ in range(3):
        scene.seconds += 10
        scene.run()
        assert scene.server.log == []


def test_counts_alone_wait_for_more_of_them() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    scene.pod("digits-worker-0", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    wait = scene.run()
    assert wait is not None
    assert 0 < wait <= 1
    assert scene.server.log == []
    scene.seconds += 1.5
    scene.run()
    assert scene.server.log == ["PUT akidjobs/status", "status: Created"]
    assert scene.job["status"]["ready"] == "1/2"


def test_who_is_done_is_written_with_those_that_end_at_the_same_time() -> None:
    scene = Scene(engine=TWO, policy={"successPolicy": "AllWorkers"})
    scene.run()
    scene.pod("digits-worker-1", left=True, **scene.ended(0))
    wait = scene.run()
    assert (wait, scene.server.log) == (0.3, [])
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    scene.run()
    assert scene.server.log[:2] == ["PUT akidjobs/status", "status: Succeeded"]


def test_who_is_done_never_runs_again_even_if_its_pod_is_deleted_before_that_is_written() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    scene.pod("digits-worker-1", left=True, **scene.ended(0))
    scene.run()
    gone = scene.server.objects.pop(f"{CORE}/pods/digits-worker-1")
    scene.store.record(KEY).pod_gone("digits-worker-1", gone["metadata"]["uid"])
    for _ in range(3):
        scene.seconds += 0.2
        scene.run()
        assert "POST pods" not in scene.server.log
    assert scene.job["status"]["replicaStatuses"]["worker"]["completedIndexes"] == "1"


def test_a_failure_is_counted_before_its_pod_is_deleted_and_replaced() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(137))
    scene.run()
    assert scene.server.log[0] == "PUT akidjobs/status"
    assert scene.server.log[2:] == ["DELETE pods", "POST pods"]
    assert scene.job["status"]["restarts"] == 1
    assert scene.told[-1] == "Restarting"


@pytest.mark.parametrize("strategy", ["InPlace", "Recreate"])
def test_a_restart_that_waits_goes_on_waiting_under_a_new_leader(strategy: str) -> None:
    scene = Scene(policy={"restartStrategy": strategy})
    for _ in range(2):
        scene.run()
        scene.pod("digits-worker-0", left=True, **scene.ended(137))
    scene.run()
    assert (scene.job["status"]["restarts"], "POST pods" in scene.server.log) == (2, False)
    for seconds in (1, 8):
        scene.seconds += seconds
        scene.new_leader()
        assert (scene.run(), scene.server.log) == (10 - scene.seconds, [])
    scene.seconds += 1
    scene.run()
    assert scene.server.log[-1] == "POST pods"
    assert scene.told.count("Restarting") == 2


def test_a_job_that_changed_meanwhile_is_read_and_judged_again() -> None:
    scene = Scene()
    scene.server.put(JOB, scene.job | {"spec": scene.job["spec"] | {"runPolicy": {"suspend": True}}})
    scene.run()
    assert scene.job["status"]["state"] == "Suspended"
    assert scene.told == ["Suspended"]
    assert "POST pods" not in scene.server.log


def test_a_status_whose_answer_was_lost_counts_as_written() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    put = scene.server._put  # pyright: ignore

    def loses(call: Any) -> Answer:
        put(call)
        return Answer(409, None, {"reason": "Conflict"})

    scene.server._put = loses  # pyright: ignore
    scene.run()
    assert scene.told == ["Created", "Running"]
    assert scene.server.log.count("PUT akidjobs/status") == 1


def test_events_are_told_only_of_what_was_written() -> None:
    scene = Scene()
    scene.server.refuse["PUT", "akidjobs/status"] = [Answer(422, None, {"message": "no"})]
    with pytest.raises(Exception, match="422"):
        scene.run()
    assert scene.told == []
    assert "POST pods" not in scene.server.log


@pytest.mark.parametrize("kind", ["pods", "configmaps", "services", "secrets"])
def test_what_is_there_already_and_ours_is_success(kind: str) -> None:
    scene = Scene(engine=TWO)
    scene.server.refuse["POST", kind] = []
    scene.run()
    made = {path: item for path, item in scene.server.objects.items() if f"/{kind}/" in path}
    scene.server.objects = {JOB: scene.job | {"status": {}}, **made}
    scene.lead()
    scene.run()
    pods = [path for path in scene.server.objects if "/pods/" in path]
    assert len(pods) == 2
    assert {path: scene.server.objects[path]["metadata"]["uid"] for path in made} == {
        path: item["metadata"]["uid"] for path, item in made.items()
    }


def leftover(owner_uid: str) -> dict[str, Any]:
    owner = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "name": "digits", "uid": owner_uid}
    return {"metadata": {"name": "digits-kid", "ownerReferences": [owner | {"controller": True}]}}


def test_what_an_earlier_job_left_is_waited_for() -> None:
    scene = Scene()
    scene.server.put(f"{CORE}/configmaps/digits-kid", leftover("an-earlier-job"))
    with pytest.raises(WaitError, match="of an earlier job of this name is going"):
        scene.run()
    assert "POST pods" not in scene.server.log
    del scene.server.objects[f"{CORE}/configmaps/digits-kid"]
    scene.run()
    assert "POST pods" in scene.server.log


def test_what_is_somebody_elses_is_a_conflict_of_names() -> None:
    scene = Scene()
    scene.server.put(f"{CORE}/configmaps/digits-kid", {"metadata": {"name": "digits-kid"}})
    scene.run()
    assert scene.reason("Queued") == "NameConflict"
    assert "POST pods" not in scene.server.log


def test_a_kid_of_our_own_that_another_version_wrote_is_ours() -> None:
    scene = Scene()
    scene.run()
    path = f"{CORE}/configmaps/digits-kid"
    made = scene.server.objects[path]
    document = yaml.safe_load(made["data"]["job.yaml"])
    document["spec"]["engine"] = {"name": "single", "workers": 1}
    made["metadata"].pop("annotations", None)
    scene.server.put(path, made | {"data": {"job.yaml": f"# written by 0.1\n{json.dumps(document, indent=1)}"}})
    scene.lead()
    scene.seconds += 60
    scene.server.objects.pop(f"{CORE}/pods/digits-worker-0")
    scene.run()
    assert "POST pods" in scene.server.log
    assert scene.reason("Queued") == ""


@pytest.mark.parametrize("text", ["another", "", "apiVersion: [1", "a: 08"])
def test_a_kid_that_bears_our_name_but_not_our_content_is_not_used(text: str) -> None:
    scene = Scene()
    forged = leftover(scene.job["metadata"]["uid"])
    scene.server.put(f"{CORE}/configmaps/digits-kid", forged | {"data": {"job.yaml": text}})
    scene.run()
    assert scene.reason("Queued") == "KidChanged"
    assert "POST pods" not in scene.server.log


def test_a_kid_that_differs_in_an_argument_is_another() -> None:
    scene = Scene()
    scene.run()
    made = scene.server.objects.pop(f"{CORE}/configmaps/digits-kid")
    scene.server.objects.pop(f"{CORE}/pods/digits-worker-0")
    text = made["data"]["job.yaml"].replace("max_steps: 100", "max_steps: 101")
    scene.server.put(f"{CORE}/configmaps/digits-kid", made | {"data": {"job.yaml": text}})
    scene.lead()
    scene.run()
    assert scene.reason("Queued") == "KidChanged"


def test_a_pod_that_was_not_known_of_is_judged_not_made_again() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", phase="Running")
    scene.store.record(KEY).pod_gone(
        "digits-worker-0", next(iter(scene.store.record(KEY).observed(frozenset()).members)).uid
    )
    scene.run()
    assert len(scene.store.record(KEY).observed(frozenset()).members) == 1
    assert [path for path in scene.server.objects if "/pods/" in path] == [f"{CORE}/pods/digits-worker-0"]


def test_an_invalid_template_ends_the_job() -> None:
    scene = Scene()
    scene.server.refuse["POST", "pods"] = [Answer(422, None, {"message": "spec.containers: nonsense"})]
    scene.run()
    assert scene.job["status"]["state"] == "Failed"
    assert scene.reason("Failed") == "InvalidTemplate"


def test_a_job_that_is_gone_is_forgotten() -> None:
    scene = Scene()
    scene.run()
    old = scene.server.objects.pop(JOB)
    scene.store.job_left(old)
    assert scene.run() is None
    assert list(scene.store) == []


def test_a_finished_job_is_forgotten_and_its_services_are_gone() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    for name in ("digits-worker-0", "digits-worker-1"):
        scene.pod(name, left=True, **scene.ended(0))
    scene.run()
    assert scene.job["status"]["state"] == "Succeeded"
    assert not [path for path in scene.server.objects if "/services/" in path]
    scene.seconds += 2
    scene.run()
    assert scene.server.log == []
    assert list(scene.store) == []


def test_a_pod_that_ends_by_itself_after_its_job_goes_too_if_all_shall() -> None:
    scene = Scene(engine=TWO, policy={"cleanPodPolicy": "All"})
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    scene.run()
    assert scene.job["status"]["state"] == "Succeeded"
    scene.pod("digits-worker-1", left=True, **scene.ended(0))
    scene.run()
    assert not [path for path in scene.server.objects if "/pods/" in path]
    scene.run()
    assert list(scene.store) == []


def test_news_of_a_jobs_last_moments_make_no_requests() -> None:
    scene = Scene()
    scene.run()
    scene.pod("digits-worker-0", left=True, **scene.ended(0))
    scene.run()
    scene.seconds += 2
    scene.run()
    scene.server.exchange = None  # pyright: ignore
    assert scene.run() is None


def test_a_new_leader_asks_for_nothing_where_nothing_is_missing() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    scene.new_leader()
    scene.run()
    assert scene.server.log == scene.server.reads == []


def test_a_new_leader_reads_all_objects_before_it_replaces_a_pod() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    for path in (f"{CORE}/pods/digits-worker-1", f"{CORE}/configmaps/digits-kid"):
        del scene.server.objects[path]
    scene.new_leader()
    scene.run()
    assert {"GET configmaps", "GET services", "GET pods"} <= set(scene.server.reads)
    assert scene.server.log == ["POST configmaps", "POST secrets", "POST pods"]
