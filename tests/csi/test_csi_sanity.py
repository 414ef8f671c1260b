"""The CSI project's own test of drivers, csi-sanity: what it finds in identity and node services."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cluster.go_build import GoBuild, required
from csi.kubelet import Node

pytestmark = pytest.mark.e2e
MODULE = Path(__file__).with_name("sanity_module")
# They make a volume first, and do not ask whether there is a controller; test_csi_volumes.py has both.
NEED_A_CONTROLLER = "should remove target path|should fail when volume does not exist on the specified path"
NAME = "github.com/kubernetes-csi/csi-test/v5"


def sanity_build() -> GoBuild:
    """How it is built."""
    version = required(MODULE / "go.mod", NAME)
    return GoBuild(
        what=f"csi-sanity {version} for the tests: once, about a minute",
        module=MODULE,
        package=f"{NAME}/cmd/csi-sanity",
        flags=("-buildvcs=false", "-trimpath", "-ldflags=-s -w"),
        binary="csi-sanity",
        prefix=f"csi-sanity-{version}",
    )


def test_the_driver_passes_csi_sanity(node: Node) -> None:
    program = sanity_build().made(print) / "csi-sanity"
    places = {name: node.box.directory / "sanity" / name for name in ("mountdir", "stagingdir")}
    for place in places.values():
        place.parent.mkdir(exist_ok=True)
    flags = [f"--csi.{name}={place}" for name, place in ({"endpoint": node.endpoint} | places).items()]
    flags += [
        "--ginkgo.focus=Identity Service|Node Service",
        f"--ginkgo.skip={NEED_A_CONTROLLER}",
        "--ginkgo.no-color",
    ]
    done = subprocess.run([program, *flags], capture_output=True, text=True, timeout=300, check=False)
    shutil.rmtree(node.box.directory / "sanity")
    counts = re.search(r"(\d+) Passed.* (\d+) Failed", done.stdout)
    assert done.returncode == 0, done.stdout
    assert counts is not None
    assert (int(counts[1]) >= 13, int(counts[2])) == (True, 0), done.stdout
