"""The researcher's guide shows the files of its example, and its commands run: here, in images, on a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from cluster.binaries import programs
from cluster.control import Cluster
from cluster.waiting import wait_for
from containers.registry import PASSWORD, USER, registry
from containers.running import ROOT, built, output, unpacked
from docs.fences import fences_in
from docs.guide import EXAMPLE, GUIDE, PROGRAMS, commands, project, scripts
from e2e.claims import made_claim

from akid.cli import main

REGISTRY, TRAINER = "registry.example.com", "registry.example.com/ml/akid-trainer:0.1.0"


def test_the_guide_shows_the_files_of_the_example() -> None:
    shown = [fence.code for fence in fences_in(GUIDE) if fence.language in ("python", "yaml")]
    names = ("excitation/blocks.py", "excitation/kid.py", "job.yaml", "fetch.yaml")
    assert shown == [(EXAMPLE / name).read_text() for name in names]
    dockerfile = (EXAMPLE / "Dockerfile").read_text().splitlines(keepends=True)
    assert "".join(f"    {line}" for line in dockerfile) in GUIDE.read_text()


def test_every_command_of_the_guide_is_run_by_a_test_below() -> None:
    assert {line.split()[0] for block in scripts() for line in block} == set(PROGRAMS)


def test_the_commands_of_akid_run_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project(tmp_path))
    for command in commands("akid"):
        few = [word.replace("max_steps=100", "max_steps=2") for word in command]
        if command[0] == "run" and few == command:
            few += ["--set", "spec.kid.max_steps=2"]
        assert main(few) == 0, few
    said = capsys.readouterr().out
    assert "job.yaml: valid" in said
    assert said.count("excitation: step 2, validation loss ") == 3
    assert (tmp_path / "project/runs/first/export/saved_model.pb").exists()


@pytest.mark.cluster
def test_the_commands_of_kubectl_are_taken_by_a_real_server(tmp_path: Path) -> None:
    """Its nodes only pretend, so a pod has no log, and nothing can be run in it."""
    with Cluster(job_seconds=1) as cluster:
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
        kubectl = [str(programs() / "kubectl")]
        crd = ROOT / "crds/akidjobs.akid.dev.yaml"
        subprocess.run([*kubectl, "apply", "-f", crd], env=environment, check=True, timeout=60)
        wait_for(cluster.serves_akidjobs, "AkidJobs are served")
        made_claim(cluster, "default", "runs", {"hostPath": {"path": str(tmp_path)}})
        operator, here = operating(cluster), project(tmp_path)
        try:
            for command in commands("kubectl"):
                done = subprocess.run(
                    [*kubectl, *command],
                    cwd=here,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=90,
                    check=False,
                )
                assert done.returncode == 0 or command[0] in ("logs", "exec", "cp"), done.stderr
        finally:
            operator.terminate()
            operator.wait(20)


def operating(cluster: Cluster) -> subprocess.Popen[bytes]:
    """The operator, on its way."""
    flags = ["--kubeconfig", str(cluster.kubeconfig), "--no-leader-election", "--metrics-port", "0"]
    return subprocess.Popen([sys.executable, "-m", "akid_operator", *flags], stdin=subprocess.DEVNULL)


@pytest.fixture
def tool(tmp_path: Path) -> Generator[list[str]]:
    """The flags of buildah for a registry, after its host."""
    with registry(tmp_path) as here:
        yield [here.host, "--authfile", str(here.credentials), "--cert-dir", str(here.certificates)]


@pytest.mark.e2e
def test_the_commands_of_docker_build_run_and_push_an_image(tmp_path: Path, tool: list[str]) -> None:
    """By buildah, in the same words; the registry and the trainer are those that are here."""
    host, *flags = tool
    trainer = output("buildah", "pull", "--quiet", built("trainer")["trainer"].source)
    directory = project(tmp_path)
    for verb, *words in commands("docker"):
        arguments = [word.replace(TRAINER, trainer).replace(REGISTRY, host) for word in words]
        if verb == "build":
            *options, context = arguments
            assert context == "."
            output("buildah", "bud", "--quiet", "--isolation", "chroot", *options, str(directory))
        elif verb == "run":
            assert arguments[-3:] == [arguments[-3], "validate", "/job.yaml"]
            with unpacked(arguments[-3], tmp_path) as rootfs:
                done = rootfs.run(*arguments[-2:], mounts=[f"{directory}/job.yaml:/job.yaml"])
            assert (done.returncode, done.stdout) == (0, "/job.yaml: valid\n"), done.stderr
        elif verb == "login":
            output("buildah", "login", *flags, "-u", USER, "-p", PASSWORD, *arguments)
        else:
            assert verb == "push"
            output("buildah", "push", "--quiet", *flags, *arguments)
    output("buildah", "pull", "--quiet", "--policy", "always", *flags, arguments[-1])
    output("buildah", "rmi", arguments[-1])
