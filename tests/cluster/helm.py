"""helm, built from its Go module: renders charts, and installs them on a test control plane."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from cluster.go_build import GoBuild, required

MODULE = Path(__file__).with_name("helm_module")
PACKAGE = "helm.sh/helm/v4/cmd/helm"


class HelmError(Exception):
    """What helm said when it failed."""


def helm_build() -> GoBuild:
    """How it is built."""
    version = required(MODULE / "go.mod", "helm.sh/helm/v4")
    return GoBuild(
        what=f"helm {version} for the tests: once, about 2 minutes",
        module=MODULE,
        package=PACKAGE,
        flags=("-buildvcs=false", "-trimpath", "-ldflags=-s -w"),
        binary="helm",
        prefix=f"helm-{version}",
    )


def program(tell: Callable[[str], None] = lambda message: None) -> Path:
    """The path of helm, built first if need be."""
    return helm_build().made(tell) / "helm"


def helm(*arguments: str, kubeconfig: Path | None = None, stdin: str | None = None, timeout: float = 120) -> str:
    """Run helm with nobody's settings, and return what it prints; HelmError if it fails."""
    with tempfile.TemporaryDirectory(prefix="akid-helm-") as home:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
        own = {f"HELM_{name}_HOME": f"{home}/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA")}
        done = subprocess.run(
            [program(), *arguments],
            env=kept | own | {"KUBECONFIG": str(kubeconfig or f"{home}/none")},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    if done.returncode:
        raise HelmError(f"helm {arguments[0]}: {done.stderr}")
    return done.stdout
