"""`make cluster` and `make cluster-down`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import binaries
from cluster.waiting import wait_for

pytestmark = pytest.mark.cluster


def test_up_and_down(tmp_path: Path) -> None:
    cache = tmp_path / "akid" / "cluster"
    cache.mkdir(parents=True)
    (cache / binaries.control_plane().directory().name).symlink_to(binaries.programs())
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "XDG_CACHE_HOME": str(tmp_path),
    }

    def run(*argv: str) -> str:
        return subprocess.run(
            argv, env=environment, stdout=subprocess.PIPE, text=True, timeout=150, check=True
        ).stdout

    exports = run(sys.executable, "-m", "cluster", "up")
    try:
        nodes = run("sh", "-c", f"{exports}\nkubectl get nodes --output=name")
        assert nodes.splitlines() == ["node/node-0", "node/node-1", "node/node-2"]
        assert run(sys.executable, "-m", "cluster", "up") == exports
    finally:
        run(sys.executable, "-m", "cluster", "down")
    directory = Path(exports.partition("KUBECONFIG=")[2].splitlines()[0]).parent
    wait_for(lambda: not directory.exists(), "its directory is removed", timeout=10)
