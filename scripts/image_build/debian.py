"""The smallest system of Debian's packages with Python: what images begin with where no registry is reachable."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from image_build.catalog import ROOT

SUITE = "bookworm"
PACKAGES = ("python3", "ca-certificates")
DOCKERFILE = ROOT / "images" / "base" / "Dockerfile"
#: What no image needs of it: caches, pages, translations, tables of characters. Licences stay.
SURPLUS = (
    *("var/cache/*/*", "var/lib/apt/lists/*", "var/log/*", "usr/lib/*/gconv"),
    *("usr/share/man/*", "usr/share/info/*", "usr/share/locale/*"),
)


def key() -> str:
    """What the base is made of: the same for the same recipe."""
    return hashlib.sha256(repr((SUITE, PACKAGES, SURPLUS, DOCKERFILE.read_text())).encode()).hexdigest()[:16]


def bootstrap(context: Path, run: Callable[[Sequence[str]], None]) -> None:
    """Make the context of its Dockerfile.

    Raises:
        SystemExit: not root, or no debootstrap.
    """
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise SystemExit(
            "images: no registry is reachable. Name an image to begin with (BASE=...), or run as root with"
            " debootstrap (Debian: apt install debootstrap), which makes one."
        )
    root = context / "root"
    run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)])
    trim(root)
    run(["tar", "-C", str(root), "-cf", str(context / "root.tar"), "."])
    shutil.rmtree(root)


def trim(root: Path) -> None:
    """Take out what no image needs."""
    for pattern in SURPLUS:
        for entry in root.glob(pattern):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for file in (root / "usr/share/doc").rglob("*"):
        if file.is_file() and file.name != "copyright":
            file.unlink()
