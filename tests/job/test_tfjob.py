"""TFJobs of every version become AkidJobs, or it is said, field by field, what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job.manifests import put

from akid.cli import main
from akid.errors import InvalidSpecError
from akid.job import load_mapping, parse
from akid.job.manifest import dialect
from akid.job.tfjob import convert

TABLES = sorted((Path(__file__).parent / "tfjobs").glob("*.yaml"))
BASE = load_mapping(TABLES[0].with_name("multi_worker.yaml"))["tfjob"]
WORKER = "spec.tfReplicaSpecs.Worker"
CONTAINERS = f"{WORKER}.template.spec.containers"
POD = {"spec": {"containers": [{"name": "tensorflow", "image": "a", "args": ["b"]}]}}


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_a_tfjob_becomes_an_akidjob(file: Path):
    table = load_mapping(file)
    made = convert(table["tfjob"])
    expected = table["akidjob"]
    if expected["spec"]["runPolicy"].get("retryableExitCodes") == "EVERY":
        expected["spec"]["runPolicy"]["retryableExitCodes"] = list(range(1, 256))
    assert made.manifest == expected
    assert made.complete
    assert [note.path for note in made.notes] == [note["path"] for note in table["notes"]]
    assert [n.text for n, e in zip(made.notes, table["notes"], strict=True) if e["says"] not in n.text] == []
    parse(dialect.read(dialect.write(made.manifest)))


@pytest.mark.parametrize(
    ("at", "value", "path", "says"),
    [
        ("metadata", {"generateName": "a-"}, "metadata.name", "no generateName"),
        ("metadata.name", "a" * 41, "metadata.name", "expected at most 40 characters"),
        ("spec.tfReplicaSpecs", {}, "spec.tfReplicaSpecs", "there are no replicas"),
        ("spec.tfReplicaSpecs.Wroker", {}, "spec.tfReplicaSpecs.Wroker", "expected Chief, Worker, PS"),
        (f"{WORKER}.replicas", -1, f"{WORKER}.replicas", "expected a number of pods, received -1"),
        (f"{WORKER}.restartPolicy", "Onfailure", f"{WORKER}.restartPolicy", "received 'Onfailure'"),
        ("spec.tfReplicaSpecs.Evaluator", {"template": POD}, "spec.tfReplicaSpecs.Evaluator",
         "only the engine parameter_server has an evaluator"),
        ("spec.tfReplicaSpecs.Chief", {"template": POD}, "spec.tfReplicaSpecs.Chief.template",
         "differs from the workers' template"),
        ("spec.tfReplicaSpecs.Chief", {"replicas": 2, "template": POD}, "spec.tfReplicaSpecs.Chief.replicas",
         "an AkidJob has one chief, received 2"),
        ("spec.tfReplicaSpecs", {"PS": {"template": POD}, "Worker": {"template": POD}}, "spec.tfReplicaSpecs.PS",
         "needs a chief and at least one worker"),
        (CONTAINERS, [], f"{CONTAINERS}", "there are none"),
        (CONTAINERS, [{"name": "a"}, {"name": "b"}], "spec.template.spec.containers", "one called 'trainer'"),
        (f"{WORKER}.template.spec.volumes", [{"name": "g", "glusterfs": {}}],
         f"{WORKER}.template.spec.volumes[0].glusterfs", "have no such volume"),
        ("spec.runPolicy.activeDeadlineSeconds", 0, "spec.runPolicy.activeDeadlineSeconds", "expected at least 1"),
    ],
)  # fmt: skip
def test_what_is_essential_and_has_no_counterpart_is_told(at: str, value: Any, path: str, says: str):
    made = convert(put(BASE, at, value))
    assert not made.complete
    assert [note for note in made.notes if note.essential and note.path == path and says in note.text], made.notes


@pytest.mark.parametrize(
    ("at", "value", "path"),
    [
        ("spec.enableDynamicWorker", True, "spec.enableDynamicWorker"),
        ("spec.runPolicy.managedBy", "kueue.x-k8s.io/multikueue", "spec.runPolicy.managedBy"),
        ("spec.runPolicy.backofLimit", 3, "spec.runPolicy.backofLimit"),
        ("spec.runPolicy.schedulingPolicy", {"minAvailable": 2}, "spec.runPolicy.schedulingPolicy.minAvailable"),
        (f"{WORKER}.template.metadata.name", "a", f"{WORKER}.template.metadata.name"),
    ],
)  # fmt: skip
def test_what_can_be_done_without_is_left_out_and_told(at: str, value: Any, path: str):
    made = convert(put(BASE, at, value))
    assert made.complete
    assert path in [note.path for note in made.notes]


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [("kind", "PyTorchJob", "kind: expected 'TFJob', received 'PyTorchJob'."),
     ("apiVersion", "kubeflow.org/v2", "apiVersion: expected one of kubeflow.org/v1alpha1,")],
)  # fmt: skip
def test_what_is_no_tfjob_is_refused(at: str, value: str, says: str):
    with pytest.raises(InvalidSpecError) as error:
        convert(put(BASE, at, value))
    assert str(error.value).startswith(says)


def test_the_command_prints_the_job_and_says_the_rest(tmp_path: Path, capsys: Any):
    file = tmp_path / "tfjob.yaml"
    file.write_text(dialect.write(BASE))
    assert main(["convert", str(file)]) == 0
    told = capsys.readouterr()
    (tmp_path / "akid.yaml").write_text(told.out)
    assert told.err.splitlines()[0].startswith(f"akid: {WORKER}.template.spec.securityContext: ")
    assert main(["validate", str(tmp_path / "akid.yaml")]) == 0


def test_the_command_prints_no_job_that_would_be_another_one(tmp_path: Path, capsys: Any):
    file = tmp_path / "tfjob.yaml"
    file.write_text(dialect.write(put(BASE, f"{WORKER}.replicas", 2000)))
    assert main(["convert", str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "akid: spec.engine.workers: (of the AkidJob) expected at most 1000" in told.err


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every place in a manifest, as a dotted path."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in inner:
        if "." not in str(name):
            yield f"{path}{name}"
            yield from paths(below, f"{path}{name}.")


@pytest.mark.parametrize("junk", [None, 3, "x", [], {}, [1], {"a": 1}, True], ids=repr)
def test_junk_anywhere_is_told_or_left_out_and_never_becomes_an_invalid_job(junk: Any):
    for base in (load_mapping(file)["tfjob"] for file in TABLES):
        for path in paths(base):
            try:
                made = convert(put(base, path, junk))
            except InvalidSpecError:
                continue
            if made.complete:
                parse(made.manifest)
