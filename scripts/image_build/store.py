"""Archives of images in the user's cache, and how one that is not there is made."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from image_build import debian, tools
from image_build.catalog import IMAGES, ROOT, key, version

#: What the Dockerfiles begin with if nothing else is asked for.
PUBLIC_BASE = "python:3.11-slim"
#: Archives kept of each image: other clones may use those of other sources.
KEPT = 3
PULL_TIMEOUT = 120
BUILD_TIMEOUT = 60 * 60


def cache() -> Path:
    """Where the archives are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "akid" / "images"


def say(text: str) -> None:
    """Tell what takes its time; what is asked for goes to standard output alone."""
    print(f"images: {text}", file=sys.stderr, flush=True)


def run(argv: Sequence[str], timeout: float = BUILD_TIMEOUT) -> None:
    """Run a command; what it says goes to standard error.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=timeout, check=False
    )
    if done.returncode:
        raise SystemExit(f"images: failed with {done.returncode}: {' '.join(argv)}")


@contextmanager
def locked() -> Generator[None]:
    """One build at a time, also of other clones: they share the tool's storage."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "build.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Store:
    """The images of this clone.

    Args:
        tool: builds them.
        base: what they begin with; empty for the public one, or an own one where no registry is reachable.
        certificates: file pip trusts beside the usual ones.
    """

    def __init__(self, tool: str, base: str = "", certificates: str = "") -> None:
        self.tool = tool
        self.base = base
        self._base_key = base or f"{PUBLIC_BASE} or {debian.key()}"
        self.certificates = certificates

    def archive(self, name: str) -> Path:
        """The archive of an image, made first if need be."""
        target = cache() / f"{name}-{key(name, self._base_key)}.tar"
        if not target.exists():
            with locked():
                if not target.exists():
                    self._make(name, target)
        os.utime(target)
        return target

    def loaded(self, name: str) -> str:
        """The reference of an image, taken out of its archive if the tool has it not."""
        reference = IMAGES[name].reference(version())
        if self._built_of(reference) != key(name, self._base_key):
            archive = cache() / f"{name}-{key(name, self._base_key)}.tar"
            run(tools.load(self.tool, archive))
        return reference

    def _built_of(self, reference: str) -> str:
        argv = tools.label(self.tool, reference)
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout.strip()

    def _make(self, name: str, target: Path) -> None:
        begun = time.monotonic()
        image, inputs = IMAGES[name], key(name, self._base_key)
        reference = image.reference(version())
        if self._built_of(reference) != inputs:
            say(f"building {reference}")
            run(tools.build(self.tool, self._build(name, reference, inputs)))
            if key(name, self._base_key) != inputs:
                raise SystemExit(f"images: what {reference} is made of changed while it was built; build it again")
        unfinished = target.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        run(tools.save(self.tool, reference, unfinished))
        unfinished.rename(target)
        for old in outdated(target.parent, name):
            old.unlink()
        say(f"built {reference} in {time.monotonic() - begun:.0f} s")

    def _build(self, name: str, reference: str, inputs: str) -> tools.Build:
        image = IMAGES[name]
        argument, parent = image.parent
        if parent:
            begins, labels = {argument: self.loaded(parent)}, {tools.LABEL: inputs}
        else:
            # The Dockerfile labels its last stage; a label given here would be on each, and undo the cache.
            begins, labels = {"BASE": self._base(), "VERSION": version(), "INPUTS": inputs}, {}
        return tools.Build(
            reference,
            ROOT / image.dockerfile,
            ROOT / image.context,
            {**dict(image.args), **begins},
            labels,
            self.certificates,
        )

    def _base(self) -> str:
        """What the images begin with."""
        if self.base:
            return self.base
        if tools.succeeds(tools.pull(self.tool, PUBLIC_BASE), PULL_TIMEOUT):
            return PUBLIC_BASE
        say(f"{PUBLIC_BASE} cannot be had; beginning with Debian's own packages")
        return self._own_base()

    def _own_base(self) -> str:
        """A base made of Debian's packages. Its tag is its key: clones with other recipes keep their layers."""
        inputs = debian.key()
        reference, archive = f"localhost/akid-base:{inputs}", cache() / f"base-{debian.SUITE}-{inputs}.tar"
        if not archive.exists():
            say(f"making {reference}, once, about a minute")
            with tempfile.TemporaryDirectory(dir=cache()) as directory:
                context = Path(directory)
                debian.bootstrap(context, run)
                what = tools.Build(reference, debian.DOCKERFILE, context, {}, {tools.LABEL: inputs})
                run(tools.build(self.tool, what))
            run(tools.save(self.tool, reference, archive))
        elif self._built_of(reference) != inputs:
            run(tools.load(self.tool, archive))
        return reference


def outdated(directory: Path, name: str) -> list[Path]:
    """Archives of an image that are not among the newest."""
    every = [file for file in directory.glob(f"{name}-*.tar") if len(file.stem) == len(name) + 17]
    return sorted(every, key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]
