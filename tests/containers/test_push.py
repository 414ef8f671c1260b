"""`make push` to a real registry, with TLS and a password, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from containers.registry import Registry, registry
from containers.running import ROOT, built, output

import akid

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Generator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


def push(to: Registry, credentials: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """What `make push` calls."""
    flags = ["--cert-dir", str(to.certificates)]
    command = [sys.executable, "scripts/images.py", "push", "--tool", "buildah", f"{to.host}/team", *names, "--"]
    environment = {**os.environ, "REGISTRY_AUTH_FILE": str(credentials)}
    return subprocess.run(
        [*command, *flags], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3600, check=False
    )


def test_an_image_comes_back_as_it_was_pushed(here: Registry) -> None:
    flags = here.login()
    image = built("operator")["operator"]
    done = push(here, here.credentials, "operator")
    assert done.returncode == 0, done.stderr
    destination = f"{here.host}/team/akid-operator:{akid.__version__}"
    assert done.stdout == f"{destination}\n"
    identity = ["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}"]
    pushed = output(*identity, image.reference)
    output("buildah", "pull", "--quiet", "--policy", "always", *flags, destination)
    try:
        assert output(*identity, destination) == pushed
    finally:
        output("buildah", "rmi", destination)


def test_who_is_not_logged_in_pushes_nothing(here: Registry, tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text("{}")
    done = push(here, tmp_path / "auth.json", "operator")
    assert done.returncode == 1
    assert "unauthorized" in done.stderr
    assert "images: failed with 125: buildah push" in done.stderr
