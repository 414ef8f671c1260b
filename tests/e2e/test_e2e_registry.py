"""A researcher's own image, by the commands of the guide: in a registry that wants a password for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cluster.reach import CORE
from cluster.waiting import wait_for
from containers.registry import PASSWORD, USER, Registry, registry_at
from docs.guide import EXAMPLE, commands
from e2e import prepare
from e2e.claims import shared_claim
from e2e.configs import API
from e2e.real import RealCluster
from e2e.site import NAMESPACE, OPERATOR, Site
from e2e.times import Times
from e2e.training import PACED, Training, changed

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
#: As the guide and its job name it; this sandbox knows where it is.
HOST = "registry.example.com"
NAME, POD, STEPS = "excitation", "excitation-worker-0", 600
WORDS = {
    "--docker-username=you": f"--docker-username={USER}",
    "--docker-password=secret": f"--docker-password={PASSWORD}",
}
STORAGE = """[storage]
driver = "overlay"
graphroot = "{0}/images"
runroot = "{0}/run"
"""


@pytest.fixture(scope="module")
def here(nodes: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[Registry]:
    """The registry, which asks for a password, and whose certificate the nodes know."""
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"{API} {HOST}\n")
    with registry_at(tmp_path_factory.mktemp("registry"), HOST, f"{API}:443", f"DNS:{HOST}") as started:
        for node in nodes.nodes:
            node.trust(HOST, started.certificates / "ca.crt")
        yield started


def push(to: Registry, directory: Path, name: str) -> str:
    """What `make push` calls, with a storage of images of its own: that of this machine lies on a layer here."""
    storage = directory / "storage.conf"
    storage.write_text(STORAGE.format(directory))
    own = {"CONTAINERS_STORAGE_CONF": str(storage), "REGISTRY_AUTH_FILE": str(to.credentials)}
    command = [
        sys.executable,
        "scripts/images.py",
        "push",
        "--tool",
        "buildah",
        f"{to.host}/you",
        name,
    ]
    return subprocess.run(
        [*command, "--", "--disable-compression", "--cert-dir", str(to.certificates)],
        cwd=prepare.ROOT,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    ).stdout.strip()


def test_a_researchers_image_is_pushed_and_trains_once_its_secret_is_there(
    training: Training, here: Registry, times: Times, tmp_path: Path
) -> None:
    here.login()
    with times.of("own image: make push"):
        pushed = push(here, tmp_path, prepare.RESEARCHERS)
    assert f"image: {pushed}\n" in (EXAMPLE / "job.yaml").read_text()
    secret, apply, *others = commands("kubectl")
    looks, fetches = others[:3], others[3:]
    assert [words[0] for words in (secret, apply, *looks)] == ["create", "apply", "get", "wait", "logs"]
    directory = shared_claim(training.cluster, training.namespace, "runs")
    training.kubectl(*(str(EXAMPLE / word) if word == "job.yaml" else word for word in apply))

    wait_for(lambda: refused(training), "the registry refuses the kubelet", 60)
    begun = time.monotonic()
    wait_for(lambda: "401 Unauthorized" in training.row(NAME)["REASON"], "the job says so", 30)
    times.note("image not pulled -> REASON says why", time.monotonic() - begun, 5)

    begun = time.monotonic()
    training.kubectl(*(WORDS.get(word, word) for word in secret))
    status = training.reach(NAME, "Succeeded", timeout=600)
    times.note("pull secret made -> Succeeded", time.monotonic() - begun)
    assert status["progress"]["step"] == STEPS
    assert status["restarts"] == 0
    for words in looks:
        assert training.kubectl(*words)
    assert training.told_steps(POD)[-1] == STEPS
    (run,) = (directory / training.namespace).iterdir()
    assert_fetched(training, fetches, run, tmp_path / "copy")


def assert_fetched(training: Training, fetches: list[list[str]], run: Path, copy: Path) -> None:
    """What the guide's pod copies is the run directory, to its last checkpoint."""
    words = {"fetch.yaml": str(EXAMPLE / "fetch.yaml"), "/runs/default": f"/runs/{training.namespace}",
             "fetch:/runs/default/excitation-1a2b3c4d": f"fetch:/runs/{training.namespace}/{run.name}",
             "runs/cluster": str(copy)}  # fmt: skip
    assert [command[0] for command in fetches] == ["apply", "wait", "exec", "cp", "delete"]
    told = [training.kubectl(*(words.get(word, word) for word in command)) for command in fetches]
    assert told[2].split() == [run.name]
    copied, there = (sorted(str(path.relative_to(of)) for path in of.rglob("*")) for of in (copy, run))
    assert copied == there
    assert any(f"{STEPS}" in name for name in copied)


def test_the_charts_images_come_from_a_registry_with_its_secrets(
    site: Site, training: Training, here: Registry, tmp_path: Path
) -> None:
    here.login()
    pushed = [push(here, tmp_path, name) for name in ("operator", prepare.RESEARCHERS)]
    own = ["docker-registry", "pull", f"--docker-server={HOST}"]
    for namespace in (NAMESPACE, training.namespace):
        login = [f"--docker-username={USER}", f"--docker-password={PASSWORD}", f"--namespace={namespace}"]
        site.cluster.kubectl("create", "secret", *own, *login)
    images = {"registry": f"{HOST}/you", "operator": "", "pullSecrets": ["pull"]}
    try:
        site.install({"images": images | {"glusterCsi": site.prepared.images["gluster-csi"]},
                      "jobs": {"image": pushed[1], "pullSecrets": ["pull"]}})  # fmt: skip
        pods = site.cluster.admin.get(f"{CORE}/namespaces/{NAMESPACE}/pods?labelSelector={OPERATOR}")["items"]
        running = {
            pod["spec"]["containers"][0]["image"] for pod in pods if "deletionTimestamp" not in pod["metadata"]
        }
        assert running == {pushed[0]}
        training.apply(changed(PACED, "pulled", alone))
        assert training.reach("pulled", "Succeeded", timeout=300)["progress"]["step"] == 20
        (pod,) = training.pods("pulled").values()
        assert pod["spec"]["containers"][0]["image"] == pushed[1]
    finally:
        site.install()
        site.cluster.kubectl("delete", "secret", "pull", f"--namespace={NAMESPACE}", "--ignore-not-found")


def alone(spec: dict[str, Any]) -> None:
    """A short job of one member."""
    spec["engine"] = {"name": "single"}
    spec["kid"]["params"] = {"steps": 20, "seconds": 0.05}


def refused(training: Training) -> bool:
    """Whether the kubelet has tried to pull the image in vain."""
    pod = training.pods(NAME).get(POD, {})
    states = [status["state"] for status in pod.get("status", {}).get("containerStatuses", [])]
    return any(
        state.get("waiting", {}).get("reason", "") in ("ErrImagePull", "ImagePullBackOff") for state in states
    )
