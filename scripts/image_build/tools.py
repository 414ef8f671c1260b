"""docker, podman and buildah: which is there, and how each is asked. Pure, but for `find` and `succeeds`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: What each is asked first: docker's client alone builds nothing, its daemon has to answer.
PROBES = {
    "docker": ["docker", "version", "--format", "{{.Server.Version}}"],
    "podman": ["podman", "version"],
    "buildah": ["buildah", "version"],
}
#: The label that says what an image was built of.
LABEL = "dev.akid.inputs"
Argv = list[str]


@dataclass(frozen=True)
class Build:
    """An image to be built.

    Args:
        reference: its name.
        dockerfile: its Dockerfile.
        context: what that copies from.
        args: of the build.
        labels: of the image.
        certificates: file pip trusts beside the usual ones, in the build only.
    """

    reference: str
    dockerfile: Path
    context: Path
    args: Mapping[str, str]
    labels: Mapping[str, str]
    certificates: str = ""


def succeeds(argv: Sequence[str], timeout: float = 30) -> bool:
    """Whether a command is there and succeeds within so many seconds."""
    if shutil.which(argv[0]) is None:
        return False
    try:
        return subprocess.run(argv, capture_output=True, timeout=timeout, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def find(asked: str = "", works: Callable[[Sequence[str]], bool] = succeeds) -> str:
    """The tool to build with: the one that is asked for, else the first that works.

    Raises:
        SystemExit: there is none.
    """
    if asked and asked not in PROBES:
        raise SystemExit(f"images: not a tool that builds images. Received: {asked}. Known: {', '.join(PROBES)}.")
    tried = [asked] if asked else list(PROBES)
    for tool in tried:
        if works(PROBES[tool]):
            return tool
    raise SystemExit(
        f"images: nothing here builds images. Tried: {', '.join(tried)}."
        " Install one (Debian: apt install buildah); of docker its daemon must run too."
    )


def build(tool: str, what: Build) -> Argv:
    """Build an image, from layers that are kept where nothing has changed."""
    options = [option for name, value in what.args.items() for option in ("--build-arg", f"{name}={value}")]
    options += [option for name, value in what.labels.items() for option in ("--label", f"{name}={value}")]
    if what.certificates:
        options += ["--secret", f"id=pip-cert,src={what.certificates}"]
        options += ["--build-arg", "PIP_CERT=/run/secrets/pip-cert"]
    # chroot: needs no runtime and no network of containers to be set up.
    ours = {"docker": ["build"], "podman": ["build", "--layers", "--isolation", "chroot"]}
    command = ours.get(tool, ["bud", "--layers", "--isolation", "chroot"])
    return [tool, *command, *options, "-f", str(what.dockerfile), "-t", what.reference, str(what.context)]


def label(tool: str, reference: str) -> Argv:
    """Print what an image was built of."""
    if tool == "buildah":
        form = f'{{{{index .OCIv1.Config.Labels "{LABEL}"}}}}'
        return ["buildah", "inspect", "--type", "image", "--format", form, reference]
    return [tool, "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', reference]


def save(tool: str, reference: str, archive: Path) -> Argv:
    """Write an image as a Docker archive."""
    if tool == "buildah":
        return ["buildah", "push", "--quiet", reference, f"docker-archive:{archive}:{reference}"]
    form = ["--format", "docker-archive"] if tool == "podman" else []
    return [tool, "save", *form, "-o", str(archive), reference]


def load(tool: str, archive: Path) -> Argv:
    """Take an image out of an archive."""
    if tool == "buildah":
        return ["buildah", "pull", "--quiet", f"docker-archive:{archive}"]
    return [tool, "load", "--quiet", "-i", str(archive)]


def pull(tool: str, reference: str) -> Argv:
    """Fetch an image from its registry."""
    return [tool, "pull", "--quiet", reference]


def push(tool: str, reference: str, destination: str, flags: Sequence[str]) -> list[Argv]:
    """Push an image to a registry, as whom the tool is logged in there."""
    if tool == "docker":
        return [["docker", "tag", reference, destination], ["docker", "push", *flags, destination]]
    return [[tool, "push", *flags, reference, f"docker://{destination}"]]
