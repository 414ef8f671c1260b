"""Events: told once, and in the order in which things happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from akid_operator.work.events import manifest

from akid.job import Event

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def name(version: str, number: int) -> str:
    metadata = {"namespace": "lab", "name": "digits", "uid": "uid", "resourceVersion": version}
    job: dict[str, Any] = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "metadata": metadata}
    return manifest(job, Event("Normal", "Running", "Every member is running."), number, NOW)["metadata"]["name"]


def test_events_of_one_second_sort_by_name_in_the_order_of_what_happened() -> None:
    names = [name("99", 0), name("99", 1), name("100", 0), name("1000000", 0)]
    assert sorted(names) == names


def test_the_same_news_have_the_same_name() -> None:
    assert name("7", 0) == name("7", 0)
    assert len({name("7", 0), name("7", 1), name("8", 0)}) == 3
