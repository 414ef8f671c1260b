"""``akid logs JOB``: of pods that are there, of the log volume when they are gone; and what it cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.kubectl_stub import KubectlStub
from job.manifests import manifest

from akid.cli import main
from akid.cluster import job_logs

TWO = {"name": "multi_worker", "workers": 2}
KEPT = {"log": {"claimName": "runs"}}
PROGRAM = {"spec": {"containers": [{"name": "trainer", "command": ["python", "own.py"]}]}}


def job(**spec: Any) -> dict[str, Any]:
    """An AkidJob as a cluster holds it."""
    made = manifest(**{"engine": TWO, "image": "trainer:1", **spec})
    made["metadata"] |= {"uid": "u1", "namespace": "lab"}
    return made


def pod(member: str, phase: str = "Running", uid: str = "u1") -> dict[str, Any]:
    """A member's pod."""
    state = {"Running": {"running": {}}, "Succeeded": {"terminated": {"exitCode": 0}}, "Pending": {}}[phase]
    metadata = {
        "name": f"digits-{member}", "uid": f"uid-{member}", "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"akid.dev/trainer": "trainer"}, "ownerReferences": [{"uid": uid, "controller": True}],
    }  # fmt: skip
    status = {"phase": phase, "containerStatuses": [{"name": "trainer", "state": state}]}
    return {"metadata": metadata, "spec": {"containers": [{"name": "trainer", "image": "x"}]}, "status": status}


READER = {**pod("reader"), "spec": {"containers": [{"name": "reader"}]}} | {
    "status": {"phase": "Running", "containerStatuses": [{"name": "reader", "state": {"running": {}}}]}
}


def items(*pods: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(pods)}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KubectlStub:
    stub = KubectlStub(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job_logs, "PERIOD", 0.01)
    return stub


def test_pods_that_are_there_are_read_each_under_its_name(kubectl: KubectlStub, capsys: Any):
    kubectl.answers({
        "get akidjobs digits": [job()], "get pods": [items(pod("worker-0"), pod("worker-1", "Pending"))],
        "logs digits-worker-0 --container=trainer": ["a line\n"],
    })  # fmt: skip
    assert main(["logs", "digits", "-n", "lab", "--context", "c"]) == 0
    assert capsys.readouterr().out == (
        "==> worker-0 <==\na line\n==> worker-1 <==\nakid: it has not started: it is still to be set up\n"
    )
    assert all(call[:2] == ["--context=c", "--namespace=lab"] for call in kubectl.calls)


@pytest.mark.parametrize(
    ("volumes", "where"),
    [(KEPT, "; what it said before, if anything, is on the log volume: --member worker-0"), ({}, "")],
)
def test_a_member_without_a_pod_is_not_passed_over_in_silence(
    kubectl: KubectlStub, capsys: Any, volumes: dict[str, Any], where: str
):
    kubectl.answers({
        "get akidjobs digits": [job(volumes=volumes)], "get pods": [items(pod("worker-1"))],
        "logs digits-worker-1 --container=trainer": ["a line\n"],
    })  # fmt: skip
    assert main(["logs", "digits"]) == 0
    assert capsys.readouterr().out == (
        f"==> worker-0 <==\nakid: it has no pod now{where}\n==> worker-1 <==\na line\n"
    )


def test_an_earlier_start_is_read_from_the_log_volume_by_a_pod_that_runs(kubectl: KubectlStub, capsys: Any):
    kubectl.answers({
        "get akidjobs digits": [job(volumes=KEPT)],
        "get pods": [items(pod("worker-0", "Succeeded"), pod("worker-1"))],
        "exec digits-worker-1 --container=trainer -- python -m akid logs /akid/log/": ["I was first\n"],
    })  # fmt: skip
    assert main(["logs", "digits", "--member", "worker-0", "--attempt", "0"]) == 0
    assert capsys.readouterr().out == "I was first\n"
    assert kubectl.calls[-1][-4:] == ["--member", "worker-0", "--attempt", "0"]


def test_without_pods_one_is_made_that_reads_the_log_volume_and_taken_away(kubectl: KubectlStub, capsys: Any):
    pending = {**READER, "status": {"phase": "Pending"}}
    kubectl.answers({
        "get akidjobs digits": [job(volumes=KEPT)], "get pods --selector": [items(pod("worker-0", uid="older"))],
        "get pods digits-logs-": [pending, READER], "exec digits-logs-": ["it was\n"],
    })  # fmt: skip
    assert main(["logs", "digits"]) == 0
    assert capsys.readouterr().out == "it was\n"
    (made,) = kubectl.given
    (container,) = made["spec"]["containers"]
    assert (container["image"], container["volumeMounts"][0]["readOnly"]) == ("trainer:1", True)
    assert [volume["persistentVolumeClaim"]["claimName"] for volume in made["spec"]["volumes"]] == ["runs"]
    assert kubectl.calls[-1][:3] == ["delete", "pod", made["metadata"]["name"]]


def test_a_reader_is_pulled_as_the_jobs_own_pods_are(kubectl: KubectlStub):
    ended = pod("worker-0", "Succeeded")
    ended["spec"] |= {"imagePullSecrets": [{"name": "pull"}]}
    unnamed = job(volumes=KEPT)
    del unnamed["spec"]["image"]
    kubectl.answers({
        "get akidjobs digits": [unnamed], "get pods --selector": [items(ended)],
        "get pods digits-logs-": [READER], "exec digits-logs-": ["it was\n"],
    })  # fmt: skip
    assert main(["logs", "digits", "--member", "worker-1"]) == 0
    (made,) = kubectl.given
    assert made["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert made["spec"]["containers"][0]["image"] == "x"


def test_a_reader_that_does_not_run_is_taken_away_and_says_why(kubectl: KubectlStub, capsys: Any):
    failed = {**READER, "status": {"phase": "Failed", "reason": "Evicted", "message": "no\nspace"}}
    kubectl.answers({
        "get akidjobs digits": [job(volumes=KEPT)], "get pods --selector": [items()],
        "get pods digits-logs-": [failed],
    })  # fmt: skip
    assert main(["logs", "digits"]) == 1
    assert "the log volume does not run: Evicted no space." in capsys.readouterr().err
    assert kubectl.calls[-1][0] == "delete"


def test_followed_members_are_told_apart_until_the_job_is_done(kubectl: KubectlStub, capsys: Any):
    done = job() | {"status": {"completionTime": "2026-01-01T00:00:00Z"}}
    kubectl.answers({
        "get akidjobs digits": [job(), job(), job(), done],
        "get pods digits-worker-0": [pod("worker-0")], "get pods digits-worker-1": [{}, pod("worker-1")],
        "logs --follow digits-worker-0": ["one\n"], "logs --follow digits-worker-1": ["two\n"],
    })  # fmt: skip
    assert main(["logs", "digits", "--follow"]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == ["worker-0: one", "worker-1: two"]


@pytest.mark.parametrize(
    ("spec", "arguments", "says"),
    [
        ({}, ["--attempt", "0"], "spec.volumes.log is an emptyDir of each. Use a volume that stays"),
        ({"volumes": KEPT, "template": PROGRAM}, [], "only akid's trainer keeps them on the log volume. Begin"),
        ({"volumes": KEPT, "image": None}, [], "names no image to read its log volume with. Give one that has"),
        ({}, ["--member", "wroker-1"], "digits has no member 'wroker-1'. Did you mean 'worker-1'?"),
        ({"engine": {"name": "multi_worker", "workers": 40}}, ["--follow"], "40 members are too many to follow"),
        ({}, ["--follow", "--attempt", "1"], "expected no --attempt"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_what_to_do(
    spec: dict[str, Any], arguments: list[str], says: str, kubectl: KubectlStub, capsys: Any
):
    kubectl.answers({"get akidjobs digits": [job(**spec)], "get pods": [items()]})
    assert main(["logs", "digits", *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answers", "code", "says"),
    [
        ({"get akidjobs digit ": [""], "get akidjobs": [{"items": [job()]}]}, 2, "Did you mean 'digits'?"),
        ({"get akidjobs digit ": [""], "get akidjobs": [{"items": []}]}, 2, "choose one by -n."),
        ({"get": [{"fails": "error: the server doesn't have a resource type \"akidjobs\""}]}, 1,
         "the cluster has no AkidJobs. Install charts/akid-operator"),
        ({"get": [{"fails": "error: You must be\nlogged in"}]}, 1, "failed: error: You must be logged in"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_cluster_is_told(
    answers: dict[str, Any], code: int, says: str, kubectl: KubectlStub, capsys: Any
):
    kubectl.answers(answers)
    assert main(["logs", "digit"]) == code
    assert says in capsys.readouterr().err


def test_a_missing_kubectl_and_a_local_run_that_is_followed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["logs", "digits"]) == 1
    assert "kubectl is not on the PATH" in capsys.readouterr().err
    assert main(["logs", "./digits", "--follow"]) == 2
    assert "only a job in a cluster is followed" in capsys.readouterr().err
