"""Whom a chief does not hear: what an operator is told, should a node not answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from akid.trainer import channel
from akid.trainer.channel import SILENT, Meeting
from akid.trainer.rendezvous import Elastic, Join, Rendezvous

MEMBERS = ("worker-0", "worker-1", "worker-2")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [100.0]
    monkeypatch.setattr(channel, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_member_is_silent_once_it_has_asked_nothing_for_a_while(clock):
    meeting = Meeting(Rendezvous(MEMBERS))
    assert meeting.silent() == []  # they may be on their way
    clock[0] += SILENT
    assert meeting.silent() == ["worker-1", "worker-2"]
    meeting.call("watch", {"member": "worker-2", "incarnation": "a", "generation": 1})
    assert meeting.silent() == ["worker-1"]
    clock[0] += SILENT
    assert meeting.silent() == ["worker-1", "worker-2"]


def test_a_member_that_an_elastic_job_does_without_is_silent_still(clock):
    rendezvous = Rendezvous(MEMBERS, elastic=Elastic(2, 0.0))
    for now in (clock[0], clock[0] + 1):
        for member in ("worker-0", "worker-2"):
            rendezvous.join(Join(member, "a", "10.0.0.1:1"), now)
    assert rendezvous.present == {"worker-0", "worker-2"}
    meeting = Meeting(rendezvous)
    clock[0] += SILENT
    assert meeting.silent() == ["worker-1", "worker-2"]
