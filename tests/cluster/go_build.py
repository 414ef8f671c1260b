"""Programs that are built once from their Go modules and kept in the user's cache.

Which versions is written in one place, the module's go.mod; a change of it is a new place in the cache.
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
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 45 * 60


def cache() -> Path:
    """Where everything of the test clusters is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "akid" / "cluster"


@dataclass(frozen=True)
class GoBuild:
    """One binary of a Go module.

    Args:
        what: it is, as it is announced; with how long it takes.
        module: the directory of its go.mod.
        package: what is built, of the module or (as an import path) of those it requires.
        flags: of `go build`.
        binary: its name.
        prefix: of the name of its place in the cache.
        links: further names it goes by.
        modfile: of the module, instead of its go.mod; what it names is locked in a `.sum` beside it.
    """

    what: str
    module: Path
    package: str
    flags: tuple[str, ...]
    binary: str
    prefix: str
    links: tuple[str, ...] = ()
    modfile: str = "go.mod"

    def directory(self) -> Path:
        """Where it is, or will be: the name changes with what is built, and how."""
        names = self.links or (self.binary,)
        digest = hashlib.sha256(" ".join([platform.machine(), *self.flags, *names]).encode())
        sources = [
            self.module / self.modfile,
            (self.module / self.modfile).with_suffix(".sum"),
            *sorted((self.module / self.package).glob("*.go")),
        ]
        for source in sources:
            digest.update(source.name.encode() + source.read_bytes())
        return cache() / f"{self.prefix}-{digest.hexdigest()[:12]}"

    def made(self, tell: Callable[[str], None] = lambda message: None) -> Path:
        """The directory with the binary, built first if need be, by one process at a time."""
        target = self.directory()
        if target.exists():
            return target
        with locked(cache() / "build.lock"):
            if not target.exists():
                tell(f"building {self.what}")
                begun = time.monotonic()
                self._build(target)
                tell(f"built in {time.monotonic() - begun:.0f} s: {target}")
        return target

    def _build(self, target: Path) -> None:
        """Build beside the target, then rename: there is a whole directory or none."""
        unfinished = target.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        modfile = [] if self.modfile == "go.mod" else [f"-modfile={self.modfile}"]
        argv = [toolchain(), "build", *modfile, *self.flags, "-o", str(unfinished / self.binary), self.package]
        built = subprocess.run(
            argv,
            cwd=self.module,
            env=environment,
            timeout=TIMEOUT,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            raise RuntimeError(f"{self.binary} does not build:\n{built.stderr[-4000:]}")
        for name in self.links:
            (unfinished / name).symlink_to(self.binary)
        unfinished.rename(target)


def required(modfile: Path, path: str) -> str:
    """The version of a module that a go.mod requires, as `v1.34.4`."""
    found = re.search(rf"^(?:require)?\s*{re.escape(path)} (v\S+)$", modfile.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a file lock, which the kernel frees with its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def toolchain() -> str:
    """The locked Go of this environment, else the system's, which says when it is too old."""
    go = shutil.which("go", path=str(Path(sys.executable).parent)) or shutil.which("go")
    if go is None:
        raise RuntimeError("no Go toolchain: run `make setup`, or put a `go` in PATH")
    return go
