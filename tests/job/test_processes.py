"""A member as a process: the same environment as in a pod, the template's program, what only a cluster has."""

from __future__ import annotations

import json

import pytest
from job.scenes import TWO, job_with

from akid.errors import InvalidSpecError
from akid.job import Member
from akid.job.api.engine import RoleName
from akid.job.objects.processes import ProcessSpec, check_processes, place_here, process_of

WORKER_1 = Member(RoleName.WORKER, 1)
FILES = {"kid": "/files/job.yaml", "token": "/files/token", "data": "/data"}


def container(**fields) -> dict:
    return {"template": {"spec": {"containers": [{"name": "trainer", **fields}]}}}


def process(**spec) -> ProcessSpec:
    job = job_with(None, **{"engine": TWO, **spec})
    place = place_here(job, lambda member: 20_000 + member.index, 21_000, FILES, "/run")
    return process_of(job, WORKER_1, 0, place, "/venv/python", cpus=2)


def test_a_member_runs_akid_s_trainer_with_the_environment_of_a_pod():
    spec = process()
    assert spec.argv == ("/venv/python", "-m", "akid", "train")
    assert spec.env | {"TF_CONFIG": ""} == {
        "AKID_JOB_NAME": "digits",
        "AKID_ENGINE": "multi_worker",
        "AKID_ROLE": "worker",
        "AKID_INDEX": "1",
        "AKID_ATTEMPT": "0",
        "AKID_IS_CHIEF": "0",
        "AKID_MEMBERS": "2",
        "AKID_KID": "/files/job.yaml",
        "AKID_DATA_PATH": "/data",
        "AKID_LOG_DIR": "/run",
        "AKID_RENDEZVOUS": "127.0.0.1:21000",
        "AKID_RENDEZVOUS_TOKEN_FILE": "/files/token",
        "AKID_POD_IP": "127.0.0.1",
        "AKID_CPUS": "2",
        "TF_CONFIG": "",
    }
    assert json.loads(spec.env["TF_CONFIG"]) == {
        "cluster": {"worker": ["127.0.0.1:20000", "127.0.0.1:20001"]},
        "task": {"type": "worker", "index": 1},
    }


def test_the_template_s_program_is_run_with_references_filled_in_as_a_kubelet_does():
    env = [{"name": "WHO", "value": "$(AKID_ROLE)-$(AKID_INDEX)"}]
    command = ["program", "$(WHO)", "$$(WHO)", "$(UNKNOWN)"]
    spec = process(**container(command=command, args=["-v"], env=env, workingDir="/tmp"))
    assert spec.argv == ("program", "worker-1", "$(WHO)", "$(UNKNOWN)", "-v")
    assert spec.working_dir == "/tmp"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"runPolicy": {"suspend": True}}, "spec.runPolicy.suspend: a suspended job does not run"),
        (
            container(env=[{"name": "A", "value": "1"}, {"name": "KEY", "valueFrom": {"secretKeyRef": {}}}]),
            r"template's env\[1\] \(KEY\).valueFrom: only a cluster has it; expected a plain value.",
        ),
    ],
)
def test_what_only_a_cluster_can_do_is_refused(spec, problem):
    with pytest.raises(InvalidSpecError, match=problem):
        check_processes(job_with(None, **{"engine": TWO, **spec}))
