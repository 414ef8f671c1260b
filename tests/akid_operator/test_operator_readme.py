"""The commands of operator/README.md, as they stand there, on a control plane of their own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from cluster.__main__ import JOB_SECONDS
from cluster.binaries import programs
from cluster.control import Cluster

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
MAKE = 'eval "$(make cluster)"'
WATCH = "kubectl get akidjobs -w"
NAME = "digits-multiworker"


def run(cluster: Cluster, script: str) -> str:
    """What a script prints; what it left in the background ends with it."""
    path = f"{programs()}:{os.environ['PATH']}"
    env = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": path}
    command = ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) && wait' EXIT\n{script}"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_readme_follows_a_job_from_created_to_succeeded(tmp_path: Path) -> None:
    text = (ROOT / "operator" / "README.md").read_text()
    script, other = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert script.startswith(MAKE)
    with Cluster(job_seconds=JOB_SECONDS) as cluster:
        # The second block is for while the job runs: it is the pod of that name that gets replaced.
        between = "kubectl wait --for=condition=Running akidjob/digits-multiworker\n" + other
        waits = "kubectl wait --for=condition=Succeeded"
        script = script.removeprefix(MAKE).replace(waits, between + waits)
        # The watch may be the last to tell; it is waited for.
        watched = tmp_path / "rows"
        assert f"{WATCH} &" in script
        script = script.replace(WATCH, f"{WATCH} >{watched}")
        wait = f"timeout 20 sh -c 'until grep -q Succeeded {watched}; do sleep 0.1; done'\n"
        printed = run(cluster, script + wait)
    rows = [line.split() for line in watched.read_text().splitlines() if line.startswith(f"{NAME} ")]
    states = list(dict.fromkeys(row[2] for row in rows if len(row) > 3))
    assert states == ["Created", "Running", "Restarting", "Succeeded"], printed
    assert f"akidjob.akid.dev/{NAME} condition met" in printed
    story = printed.partition("Events:")[2]
    told = [line.split()[1] for line in story.splitlines() if line.split()[:1] in (["Normal"], ["Warning"])]
    assert told == ["Created", "Running", "Restarting", "Running", "Succeeded"], story
    assert "failed with exit code 137; restart 1 of 3." in story
