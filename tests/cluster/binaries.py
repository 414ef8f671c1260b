"""The programs of the clusters: a binary for the control plane, and one for what real nodes need besides.

They are of the Kubernetes of go.mod, or of another minor: KUBERNETES=1.36 for that of kubernetes-1.36.mod.
"""

import os
from collections.abc import Callable
from pathlib import Path

from cluster.go_build import GoBuild, required

MODULE = Path(__file__).with_name("module")
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
)
NODE_PROGRAMS = ("kubelet", "kube-proxy", "coredns")


def modfile() -> str:
    """The file that names the versions; SystemExit if $KUBERNETES is a minor without one."""
    minors = {_minor(file): file.name for file in (MODULE / "go.mod", *sorted(MODULE.glob("kubernetes-*.mod")))}
    asked = os.environ.get("KUBERNETES") or next(iter(minors))
    if asked not in minors:
        raise SystemExit(f"no such Kubernetes here. Received: KUBERNETES={asked}. Known: {', '.join(minors)}.")
    return minors[asked]


def minor() -> str:
    """Of the Kubernetes that is built, as `1.34`."""
    return _minor(MODULE / modfile())


def _minor(file: Path) -> str:
    return required(file, "k8s.io/kubernetes").removeprefix("v").rpartition(".")[0]


def kubernetes_version() -> str:
    """The version that is built, as `v1.34.4`."""
    return required(MODULE / modfile(), "k8s.io/kubernetes")


def control_plane() -> GoBuild:
    """How it is built."""
    version = kubernetes_version()
    return GoBuild(
        what=f"Kubernetes {version} for the tests: once, about 5 minutes",
        module=MODULE,
        package=".",
        flags=_flags(version),
        binary="kube",
        prefix=version,
        links=PROGRAMS,
        modfile=modfile(),
    )


def node() -> GoBuild:
    """How the programs of real nodes are built: apart, so that who needs no node does not wait for them."""
    version = kubernetes_version()
    return GoBuild(
        what=f"kubelet {version}, kube-proxy and CoreDNS: once, 1 to 4 minutes",
        module=MODULE,
        package="./node",
        flags=_flags(version),
        binary="kube-node",
        prefix=f"node-{version}",
        links=NODE_PROGRAMS,
        modfile=modfile(),
    )


def programs(tell: Callable[[str], None] = lambda message: None) -> Path:
    """The directory with the programs, built first if need be."""
    return control_plane().made(tell)


def node_programs(tell: Callable[[str], None] = lambda message: None) -> Path:
    """The directory with the programs of real nodes, built first if need be."""
    return node().made(tell)


def _flags(version: str) -> tuple[str, ...]:
    """How the binary is built. Unstamped, it reports a version that nothing can parse."""
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
    }
    stamp = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())
    return ("-buildvcs=false", "-trimpath", f"-ldflags=-s -w {stamp}")
