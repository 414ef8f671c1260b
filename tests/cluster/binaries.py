"""The programs of the control plane: built once from their Go modules, kept in the user's cache.

Which versions is written in one place, module/go.mod; a change of it is a new place in the cache.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

MODULE = Path(__file__).with_name("module")
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
)
BUILD_TIMEOUT = 45 * 60


def kubernetes_version() -> str:
    """The version that is built, as `v1.34.4`."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def cache() -> Path:
    """Where everything of the test clusters is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "akid" / "cluster"


def directory() -> Path:
    """Where the programs are, or will be: the name changes with what is built, and how."""
    digest = hashlib.sha256(" ".join([platform.machine(), *_flags(), *PROGRAMS]).encode())
    for source in sorted(MODULE.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    return cache() / f"{kubernetes_version()}-{digest.hexdigest()[:12]}"


def programs(tell: Callable[[str], None] = lambda message: None) -> Path:
    """The directory with the programs, built first if need be, by one process at a time."""
    target = directory()
    if target.exists():
        return target
    with locked(cache() / "build.lock"):
        if not target.exists():
            tell(f"building Kubernetes {kubernetes_version()} for the tests: once, about 5 minutes")
            begun = time.monotonic()
            _build(target)
            tell(f"built in {time.monotonic() - begun:.0f} s: {target}")
    return target


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a file lock, which the kernel frees with its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _flags() -> list[str]:
    """How the binary is built. Unstamped, it reports a version that nothing can parse."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
    }
    stamp = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())
    return ["-buildvcs=false", "-trimpath", f"-ldflags=-s -w {stamp}"]


def _build(target: Path) -> None:
    """Build beside the target, then rename: there is a whole directory or none."""
    unfinished = target.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    argv = [toolchain(), "build", *_flags(), "-o", str(unfinished / "kube"), "."]
    built = subprocess.run(
        argv,
        cwd=MODULE,
        env=environment,
        timeout=BUILD_TIMEOUT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        raise RuntimeError(f"the test control plane does not build:\n{built.stderr[-4000:]}")
    for program in PROGRAMS:
        (unfinished / program).symlink_to("kube")
    unfinished.rename(target)


def toolchain() -> str:
    """The locked Go of this environment, else the system's, which says when it is too old."""
    go = shutil.which("go", path=str(Path(sys.executable).parent)) or shutil.which("go")
    if go is None:
        raise RuntimeError("no Go toolchain: run `make setup`, or put a `go` in PATH")
    return go
