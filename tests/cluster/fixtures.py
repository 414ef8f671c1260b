"""pytest fixtures: `cluster` is shared by a session, `namespace` is a test's own.

A test that uses them carries the marker `cluster`.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cluster.control import Cluster


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A control plane with three nodes. On first use it is built, which is announced."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")

    def tell(message: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{message}", file=sys.stderr, flush=True)

    with Cluster(tell=tell) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace."""
    with cluster.namespace() as name:
        yield name
