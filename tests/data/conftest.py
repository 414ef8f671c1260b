"""Fixtures of the tests of data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from data.local_server import LocalServer, serving


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving() as local:
        yield local
