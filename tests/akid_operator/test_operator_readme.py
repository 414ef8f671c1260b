"""The commands of operator/README.md, as they stand there, on a control plane of their own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from cluster.binaries import programs
from cluster.control import Cluster

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
#: The commands that start a control plane and that watch for ever, and what stands for them here.
INSTEAD = {
    'eval "$(make cluster)"': "trap 'kill $!' EXIT",
    "kubectl get akidjobs -w": "kubectl wait --for=condition=Running akidjob/digits --timeout=60s",
}


def test_the_commands_of_the_readme_run_a_job() -> None:
    text = (ROOT / "operator" / "README.md").read_text()
    fence = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert fence is not None
    script = fence[1]
    for command, other in INSTEAD.items():
        assert command in script
        script = script.replace(command, other)
    with Cluster() as cluster:
        path = f"{programs()}:{os.environ['PATH']}"
        env = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": path}
        command = ["bash", "-euo", "pipefail", "-c", script]
        run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "akidjob.akid.dev/digits condition met" in run.stdout
