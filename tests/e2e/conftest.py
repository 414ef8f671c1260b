"""Fixtures of the real cluster. Outside of `make e2e` its tests are skipped: they take root and a sandbox."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster.reach import Reach
from csi.gluster import Gluster
from e2e import diagnostics, volumes
from e2e.current import CurrentCluster
from e2e.prepare import VARIABLE, Prepared
from e2e.real import RealCluster
from e2e.site import Site
from e2e.times import Times
from e2e.training import Training

_TIMES = Times()
_NAMESPACES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which cluster."""
    parser.addoption("--current-cluster", action="store_true", help="of kubectl, instead of one in a sandbox")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that reach below the API server have no place on somebody's cluster."""
    if config.getoption("--current-cluster"):
        for item in items:
            if item.get_closest_marker("sandbox"):
                item.add_marker(pytest.mark.skip(reason="reaches below the API server"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The times that were taken."""
    if lines := _TIMES.lines():
        terminalreporter.section("times")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def times() -> Times:
    """Where a test notes how long something took."""
    return _TIMES


@pytest.fixture(scope="session", autouse=True)
def prepared() -> Prepared:
    """Images and messages."""
    if VARIABLE not in os.environ:
        pytest.skip("`make e2e` runs it")
    return Prepared.from_environment(os.environ)


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, prepared: Prepared) -> Iterator[Reach]:
    """The cluster of the session: real nodes in this sandbox, or the current one."""
    if request.config.getoption("--current-cluster"):
        with CurrentCluster() as current:
            yield current
        return
    begun = time.monotonic()
    archives = [Path(archive) for archive in prepared.archives]
    with RealCluster(archives, messages=prepared.messages, tell=_tell) as real:
        _TIMES.note("cluster up, images imported", time.monotonic() - begun)
        yield real


@pytest.fixture(scope="session")
def nodes(cluster: Reach) -> RealCluster:
    """The cluster where it is ours, for what reaches below the API server."""
    assert isinstance(cluster, RealCluster)
    return cluster


@pytest.fixture(scope="session")
def gluster(nodes: RealCluster) -> Gluster:
    """A GlusterFS cluster that the nodes reach."""
    with _TIMES.of("GlusterFS up: 3 nodes, a volume"):
        return volumes.started()


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, cluster: Reach, prepared: Prepared) -> Site:
    """akid on it, by helm; with the GlusterFS driver where there is a GlusterFS."""
    gluster = request.getfixturevalue("gluster") if isinstance(cluster, RealCluster) else None
    begun = time.monotonic()
    site = Site(cluster, prepared, volumes.rules(gluster) if gluster else [])
    try:
        site.install()
    except Exception as error:
        error.add_note(diagnostics.report(cluster, []))
        raise
    _TIMES.note("helm install -> operator ready", time.monotonic() - begun)
    return site


@pytest.fixture
def namespace(request: pytest.FixtureRequest, cluster: Reach) -> Iterator[str]:
    """A new namespace."""
    with cluster.namespace("e2e") as name:
        request.node.stash.setdefault(_NAMESPACES, []).append(name)
        yield name


@pytest.fixture
def training(site: Site, namespace: str) -> Training:
    """The jobs of a new namespace that admits pods without any privilege only, where akid is installed."""
    site.cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return Training(site.cluster, namespace)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[Any]) -> Any:
    """A failure comes with what the cluster says of it, taken before the namespace goes."""
    report: pytest.TestReport = yield
    if call.when == "call" and report.failed and "cluster" in item.fixturenames:
        cluster = item.funcargs.get("cluster") or item._request.getfixturevalue("cluster")
        report.sections.append(("cluster", diagnostics.report(cluster, item.stash.get(_NAMESPACES, []))))
    return report
