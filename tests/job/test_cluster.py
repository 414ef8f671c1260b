"""TF_CONFIG and the environment of every role."""

from __future__ import annotations

import json
from typing import Any

import pytest
from job.manifests import job
from job.scenes import SERVERS, TWO

from akid.job import Member
from akid.job.api.engine import RoleName
from akid.job.objects.pods import place_of
from akid.job.objects.tf_config import environment, tf_config


def config(engine: dict[str, Any], role: str, index: int, /, **spec: Any) -> dict[str, Any]:
    described = job(engine=engine, **spec)
    return json.loads(tf_config(described, Member(RoleName(role), index), place_of(described)))


def test_multi_worker_has_workers_only():
    workers = ["digits-worker-0.digits:2222", "digits-worker-1.digits:2222"]
    assert config(TWO, "worker", 1) == {
        "cluster": {"worker": workers},
        "task": {"type": "worker", "index": 1},
    }


def test_a_multi_worker_job_of_one_has_a_cluster_too():
    assert config({"name": "multi_worker"}, "worker", 0)["cluster"] == {"worker": ["digits-worker-0.digits:2222"]}


@pytest.mark.parametrize("role", ["chief", "worker", "ps"])
def test_d_the_evaluator_is_in_no_one_elses_cluster(role: str):
    described = config(SERVERS, role, 0)
    assert described["cluster"] == {
        "chief": ["digits-chief-0.digits:2222"],
        "worker": ["digits-worker-0.digits:2222", "digits-worker-1.digits:2222"],
        "ps": ["digits-ps-0.digits:2222"],
    }
    assert described["task"] == {"type": role, "index": 0}


def test_d_the_evaluator_is_in_its_own_cluster():
    described = config(SERVERS, "evaluator", 0)
    assert described["cluster"]["evaluator"] == ["digits-evaluator-0.digits:2222"]
    assert described["task"] == {"type": "evaluator", "index": 0}


def test_engines_of_one_process_have_no_tf_config():
    described = job(engine={"name": "data_parallel", "num_gpu": 2})
    assert "TF_CONFIG" not in environment(described, Member(RoleName.WORKER, 0), 0, place_of(described))


def test_a_thousand_workers_fit_into_the_environment():
    name = "a" * 40
    described = job(name, kid={"module": "kid:setup"}, engine={"name": "multi_worker", "workers": 1000})
    text = tf_config(described, Member(RoleName.WORKER, 999), place_of(described))
    assert len(json.loads(text)["cluster"]["worker"]) == 1000
    assert len(text) < 128 * 1024 - 100, "the kernel takes 128 KiB for one variable"


def test_a_port_named_in_a_template_is_used():
    ports = [{"name": "tf", "containerPort": 4000}]
    template = {"spec": {"containers": [{"name": "trainer", "ports": ports}]}}
    described = config(SERVERS, "chief", 0, roles={"ps": {"template": template}})
    assert described["cluster"]["ps"] == ["digits-ps-0.digits:4000"]
    assert described["cluster"]["chief"] == ["digits-chief-0.digits:2222"]


def test_the_environment_of_a_worker():
    described = job(engine=TWO)
    values = environment(described, Member(RoleName.WORKER, 1), 3, place_of(described))
    assert {name: value for name, value in values.items() if name != "TF_CONFIG"} == {
        "AKID_JOB_NAME": "digits",
        "AKID_ENGINE": "multi_worker",
        "AKID_ROLE": "worker",
        "AKID_INDEX": "1",
        "AKID_ATTEMPT": "3",
        "AKID_IS_CHIEF": "0",
        "AKID_MEMBERS": "2",
        "AKID_KID": "/akid/kid/job.yaml",
        "AKID_DATA_PATH": "/akid/data",
        "AKID_LOG_DIR": "/akid/log/lab/digits-job-uid",
        "AKID_RENDEZVOUS": "digits-rendezvous:2300",
        "AKID_RENDEZVOUS_TOKEN_FILE": "/akid/token/token",
    }
