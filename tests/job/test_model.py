"""The frame of an AkidJob: what is accepted, and in which words the rest is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from job.manifests import KID, job, manifest, put

from akid.job import InvalidManifestError, parse

SIZED = {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}
MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["says"])
def test_a_mistake_is_named_by_its_path(mistake: dict[str, Any]):
    with pytest.raises(InvalidManifestError) as error:
        parse(put(manifest(), mistake["at"], mistake.get("put", ...)))
    assert mistake["says"] in str(error.value)
    assert len(str(error.value).splitlines()) == len(error.value.problems)


def test_every_problem_has_its_own_line():
    bad = put(put(manifest(), "spec.engine", {"wrkers": 1}), "spec.image", 3)
    with pytest.raises(InvalidManifestError) as error:
        parse(bad)
    assert str(error.value).splitlines() == [
        "spec.engine.wrkers: unknown field. Did you mean 'workers'?",
        "spec.image: expected a text, received 3 (an integer).",
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.kid", {"script": "def setup(): ...", "params": {"a": 1}}),
        ("spec.kid", {"module": "package.module:setup", "max_epoch": 3}),
        ("spec.kid.early_stopping", {"patience": 3}),
        (
            "spec.kid.brain",
            {"blocks": [{"type": "ConvolutionLayer", "name": "c", "ksize": [5, 5]}]},
        ),
        ("spec.engine", {"name": "data_parallel", "num_gpu": 2, "gpusPerWorker": 2}),
        (
            "spec.engine",
            {"name": "parameter_server", "workers": 2, "parameterServers": 1, "evaluator": True},
        ),
        (
            "spec.volumes",
            {"data": {"claimName": "a", "readOnly": True}, "log": {"claimTemplate": SIZED}},
        ),
        ("spec.volumes", {"data": {"hostPath": {"path": "/mnt"}}, "log": {"emptyDir": {}}}),
        (
            "spec.template",
            {"metadata": {"labels": {"a": "b"}}, "spec": {"nodeSelector": {"a": "b"}}},
        ),
        ("spec.roles", {"worker": {"template": {"spec": {"containers": [{"name": "main"}]}}}}),
        ("status", {"restarts": 1, "fieldOfTheFuture": 1}),
    ],
)
def test_a_valid_manifest_is_accepted(path: str, value: object):
    parse(put(manifest(), path, value))


def test_a_kid_is_kept_as_it_was_written():
    assert job().spec.kid.arguments() == KID


def test_defaults_make_a_single_worker_in_place():
    spec = parse(manifest()).spec
    assert [str(role) for role, _ in spec.engine.members()] == ["worker"]
    assert (spec.run_policy.max_restarts, spec.run_policy.restart_strategy) == (3, "InPlace")
    assert spec.run_policy.clean_pod_policy == "Running"


def test_gpus_have_two_names_and_one_value():
    assert job(engine={"name": "data_parallel", "num_gpu": 2}).spec.engine.gpus == 2
    assert job(engine={"name": "data_parallel", "gpusPerWorker": 2}).spec.engine.gpus == 2


def test_members_of_a_parameter_server_job_start_with_the_chief():
    engine = job(
        engine={"name": "parameter_server", "workers": 2, "parameterServers": 1, "evaluator": True}
    ).spec.engine
    names = [f"{role}-{index}" for role, index in engine.members()]
    assert names == ["chief-0", "worker-0", "worker-1", "ps-0", "evaluator-0"]


@pytest.mark.parametrize(
    ("code", "listed", "expected"),
    [
        (1, None, False),
        (42, None, True),
        (127, None, False),
        (128, None, True),
        (139, None, True),
        (42, [1], False),
        (1, [1], True),
        (143, [], False),
    ],
)
def test_exit_codes_that_are_retryable(code: int, listed: list[int] | None, expected: bool):
    policy = job(runPolicy={} if listed is None else {"retryableExitCodes": listed}).spec.run_policy
    assert policy.retryable(code) is expected


def test_importing_akid_job_loads_no_tensorflow():
    code = "import sys, akid.job; print([m for m in ('tensorflow', 'kopf', 'rich') if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_a_template_as_tools_in_go_write_it_is_the_same_template():
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "trainer", "resources": {}}]}}
    written = put(manifest(template=template), "spec.template.metadata.creationTimestamp", None)
    assert parse(written).spec == parse(manifest(template=template)).spec
    assert parse(written).spec.template_hash == parse(manifest(template=template)).spec.template_hash
