"""What the sandbox, which has no way out, is given: programs, images and the messages of the kubelet's gRPC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster import binaries, helm
from cluster.go_build import cache, locked, toolchain
from e2e import archives

ROOT = Path(__file__).resolve().parents[2]
#: Of this repository, built by its own script.
IMAGES = ("trainer", "operator", "gluster-csi")
#: No node has it: what is tested is how they get it.
RESEARCHERS = "example"
#: User and group of the trainer's image.
OWNER = 10001
#: Where what is prepared is told to the tests.
VARIABLE = "AKID_E2E"


@dataclass(frozen=True)
class Prepared:
    """Ready for use.

    Args:
        images: reference of each image by its name.
        archives: of images, the one of the pods' sandboxes first; empty where a registry has them.
        messages: directory of Python modules made of the kubelet's protocol definitions.
    """

    images: dict[str, str]
    archives: list[str]
    messages: str = ""

    def to_environment(self) -> dict[str, str]:
        """As a variable, by which it reaches the tests."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Prepared:
        """The other way round."""
        return cls(**json.loads(environment[VARIABLE]))


def prepare(tell: Callable[[str], None], *more: str) -> Prepared:
    """Build whatever is not in the caches; programs and images, and more images for the cache alone."""
    with ThreadPoolExecutor() as pool:
        images = pool.submit(_images, more)
        programs = pool.submit(_programs, tell)
        built = images.result()
        programs.result()
    base = archives.base(cache() / "akid-e2e-base.tar")
    references = {name: reference for name, (reference, _) in built.items()}
    return Prepared(references, [str(base), *(archive for _, archive in built.values())], str(messages()))


def named(registry: str, tag: str) -> Prepared:
    """For a cluster that pulls its images from a registry: nothing is built."""
    return Prepared({name: f"{registry}/akid-{name}:{tag}" for name in IMAGES}, [])


def _programs(tell: Callable[[str], None]) -> None:
    """One after another: they share the cache of the compiler."""
    binaries.programs(tell)
    binaries.node_programs(tell)
    helm.program(tell)


def _images(more: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Reference and archive of each that the nodes get, by its name."""
    argv = [sys.executable, str(ROOT / "scripts/images.py"), "build", *IMAGES, *more]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: (reference, archive) for name, reference, archive in lines if name in IMAGES}


def messages() -> Path:
    """Python modules of the kubelet's device plugin API, made of the definition in its own Go module."""
    target = cache() / f"messages-{binaries.kubernetes_version()}"
    with locked(cache() / "messages.lock"):
        if not target.exists():
            unfinished = target.with_suffix(".new")
            unfinished.mkdir(exist_ok=True)
            (unfinished / "deviceplugin.proto").write_text(_definition())
            flags = [f"-I{unfinished}", f"--python_out={unfinished}", f"--grpc_python_out={unfinished}"]
            argv = [sys.executable, "-m", "grpc_tools.protoc", *flags, str(unfinished / "deviceplugin.proto")]
            subprocess.run(argv, check=True)
            unfinished.rename(target)
    return target


def _definition() -> str:
    modfile = f"-modfile={binaries.modfile()}"
    argv = [toolchain(), "mod", "download", modfile, "-json", "k8s.io/kubelet"]
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    done = subprocess.run(
        argv, cwd=binaries.MODULE, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    return (Path(json.loads(done.stdout)["Dir"]) / "pkg/apis/deviceplugin/v1beta1/api.proto").read_text()
