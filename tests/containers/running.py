"""A container by runc alone, with the user, the entry point and the read-only root that a cluster gives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TIMEOUT = 180
NAMESPACES = ("pid", "ipc", "uts", "mount", "network")
DEVICES = ["nosuid", "noexec", "mode=755"]
SYSTEM = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": DEVICES},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "mode=1777"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
]


@dataclass(frozen=True)
class Archive:
    """An image in the cache.

    Attributes:
        name: in the catalog.
        reference: in the tool's storage.
        path: of the archive.
    """

    name: str
    reference: str
    path: Path

    @property
    def source(self) -> str:
        """The archive, as buildah names it: no other clone replaces it."""
        return f"docker-archive:{self.path}"


def built(*names: str) -> dict[str, Archive]:
    """Images by name, built first if need be."""
    command = [sys.executable, "scripts/images.py", "build", "--tool", "buildah", *names]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=3600)
    lines = [line.split(" ", 2) for line in done.stdout.splitlines()]
    return {name: Archive(name, reference, Path(path)) for name, reference, path in lines}


def output(*argv: str) -> str:
    """What a command prints.

    Raises:
        CalledProcessError: it failed.
    """
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout.strip()


class Rootfs:
    """The files of an image, and what it says about how it is run.

    Args:
        path: of its root.
        config: of the image, as OCI names it.
        directory: for what runc is told.
    """

    def __init__(self, path: Path, config: dict[str, Any], directory: Path) -> None:
        self.path = path
        self.config = config
        self._directory = directory
        self._number = 0

    def run(
        self, *args: str, entrypoint: Sequence[str] = (), env: Sequence[str] = (), mounts: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a container of it to its end, its root read-only, without capabilities and without a network.

        Args:
            args: instead of the image's.
            entrypoint: instead of the image's.
            env: more of the environment.
            mounts: directories of this machine, `source:destination`, which it may write to.
        """
        self._number += 1
        bundle = self._directory / f"container-{self._number}"
        bundle.mkdir()
        spec = self._spec([*(entrypoint or self.config["Entrypoint"]), *args], env, mounts)
        (bundle / "config.json").write_text(json.dumps(spec))
        name = f"akid-test-{os.getpid()}-{self._directory.name}-{self._number}"
        command = ["runc", "--root", str(self._directory / "state"), "run", "--bundle", str(bundle), name]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )

    def _spec(self, args: list[str], env: Sequence[str], mounts: Sequence[str]) -> dict[str, Any]:
        uid, gid = self.config["User"].split(":")
        binds = [
            {"destination": target, "type": "bind", "source": source, "options": ["bind", "rw"]}
            for source, _, target in (mount.partition(":") for mount in mounts)
        ]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": int(uid), "gid": int(gid)},
                "args": args,
                "env": [*self.config["Env"], *env],
                "cwd": self.config["WorkingDir"],
                "noNewPrivileges": True,
            },
            "root": {"path": str(self.path), "readonly": True},
            "mounts": [*SYSTEM, *binds],
            "linux": {"namespaces": [{"type": name} for name in NAMESPACES]},
        }


@contextmanager
def unpacked(image: str, directory: Path) -> Generator[Rootfs]:
    """The files of an image, as buildah names it, for as long as needed."""
    container = output("buildah", "from", "--quiet", image)
    try:
        config = json.loads(output("buildah", "inspect", container))["OCIv1"]["config"]
        yield Rootfs(Path(output("buildah", "mount", container)), config, directory)
    finally:
        output("buildah", "rm", container)
