"""Which images there are, and what each is made of: pure but for reading the files that count."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Never part of an image: `.dockerignore` says so to the tools.
IGNORED = {"__pycache__", ".pyc"}


@dataclass(frozen=True)
class Image:
    """An image that is built here.

    Args:
        name: of the repository in a registry, after `akid-`.
        directory: has its Dockerfile, from the root.
        context: what its Dockerfile copies from, from the root.
        suffix: of its tag, after the version.
        args: of its build.
        parent: the argument that names the image of this repository it begins with, and that image.
    """

    name: str
    directory: str
    context: str = "."
    suffix: str = ""
    args: tuple[tuple[str, str], ...] = ()
    parent: tuple[str, str] = ("", "")

    @property
    def dockerfile(self) -> Path:
        """Its Dockerfile, from the root."""
        return Path(self.directory) / "Dockerfile"

    def reference(self, version: str) -> str:
        """Its name on this machine and in a cluster it is loaded into."""
        return f"localhost/{self.repository(version)}"

    def repository(self, version: str) -> str:
        """Its name in a registry."""
        return f"akid-{self.name}:{version}{self.suffix}"


IMAGES = {
    "trainer": Image("trainer", "images/trainer"),
    "trainer-gpu": Image("trainer", "images/trainer", suffix="-gpu", args=(("FLAVOR", "gpu"),)),
    "operator": Image("operator", "images/operator"),
    "gluster-csi": Image("gluster-csi", "images/gluster-csi"),
    "example": Image("example", "images/example", context="images/example", parent=("TRAINER", "trainer")),
}
#: What is built if nothing is named; the GPU's trainer is 6 GB.
USUAL = tuple(name for name in IMAGES if name != "trainer-gpu")


def version() -> str:
    """The version of what is here."""
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def wanted(names: Iterable[str]) -> list[str]:
    """The images to build for these, each after the one it begins with.

    Raises:
        SystemExit: a name is not known.
    """
    order: list[str] = []
    for name in list(names) or USUAL:
        if name not in IMAGES:
            raise SystemExit(f"images: no image has this name. Received: {name}. Known: {', '.join(IMAGES)}.")
        needed = IMAGES[name].parent[1]
        order += [each for each in (needed, name) if each and each not in order]
    return order


def copied(dockerfile: str, args: Mapping[str, str] = {}) -> list[str]:
    """The paths of the context that a Dockerfile copies; `${NAME}` is filled in from its arguments.

    So what an image depends on is written down in one place.
    """
    values = dict(re.findall(r"^ARG (\w+)=(.+)$", dockerfile, re.MULTILINE)) | dict(args)
    lines = dockerfile.replace("\\\n", " ").splitlines()
    paths: list[str] = []
    for line in lines:
        instruction, *words = line.split() or [""]
        if instruction in ("COPY", "ADD") and not any(word.startswith("--from=") for word in words):
            sources = [word for word in words if not word.startswith("--")][:-1]
            paths += [re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], source) for source in sources]
    return paths


def files(context: Path, paths: Iterable[str]) -> list[Path]:
    """Every file below these paths, but for what no image has."""
    found: set[Path] = set()
    for path in paths:
        place = context / path
        found |= {file for file in place.rglob("*") if file.is_file()} if place.is_dir() else {place}
    return sorted(
        file for file in found if not any(str(file).endswith(end) or end in file.parts for end in IGNORED)
    )


def key(name: str, base: str, root: Path = ROOT) -> str:
    """What the image would be built of: the same for the same bytes.

    Args:
        name: of the image.
        base: what tells this base image from others.
        root: of the repository.
    """
    image = IMAGES[name]
    dockerfile, context = root / image.dockerfile, root / image.context
    digest = hashlib.sha256(f"{base} {image} {version()} {_parent(image, base, root)}".encode())
    text = dockerfile.read_text()
    for file in [dockerfile, *files(context, copied(text, dict(image.args)))]:
        mode = file.stat().st_mode & 0o111
        digest.update(f"\0{file.relative_to(root)}\0{mode}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _parent(image: Image, base: str, root: Path) -> str:
    return key(image.parent[1], base, root) if image.parent[1] else ""
