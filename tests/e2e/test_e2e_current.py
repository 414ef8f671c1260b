"""`make e2e CLUSTER=current`: tests against whichever cluster kubectl reaches; here, the one of the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from e2e import prepare
from e2e.real import RealCluster
from e2e.site import Site

RUNS = "test_the_digits_are_learnt_while_kubectl_shows_how_far_it_is"
BREAKS = "test_a_node_is_gone_for_good"
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


def on_current(kubeconfig: Path, *flags: str) -> str:
    """What the tests print; their images are on the nodes already, under the names that they pull them by."""
    named = {"CLUSTER": "current", "REGISTRY": "localhost", "KUBECONFIG": str(kubeconfig)}
    environment = {name: value for name, value in os.environ.items() if name != prepare.VARIABLE}
    argv = [sys.executable, "-m", "e2e", "all", "-q", *flags]
    done = subprocess.run(
        argv, env=environment | named, cwd=prepare.ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_cluster_that_is_there_is_tested_and_what_would_break_its_nodes_is_not(
    nodes: RealCluster, site: Site
) -> None:
    assert nodes.kubeconfig is not None
    try:
        told = on_current(nodes.kubeconfig, "-k", f"{RUNS} or {BREAKS}", "-rs")
    finally:
        site.install()  # as it was before: with the GlusterFS driver
    assert "1 passed, 1 skipped" in told
    assert "reaches below the API server" in told
