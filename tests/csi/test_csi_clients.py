"""What the driver says of a volume's client: one that it ended itself was not lost."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
from akid_csi import servers, volume
from akid_csi.attributes import Source, Wanted
from akid_csi.client import Client
from akid_csi.refusal import Code, Refusal
from akid_csi.state import ProcessId, key_of
from akid_csi.store import Store
from akid_csi.volume import Limits, Places, Volume
from csi.kubelet import until

SOURCE = Source(("10.0.0.1",), "rep3")
KEY = key_of(SOURCE)
WANTED = Wanted(SOURCE, ("runs",), False)


class Process:
    """A client without a process."""

    def __init__(self, pid: int) -> None:
        self.identity = ProcessId(pid, 1)
        self.exit_code = -9
        self.over = threading.Event()

    def ended(self, seconds: float | None = 0.0) -> bool:
        return self.over.wait(seconds)

    def end(self, seconds: float = 0.0) -> None:
        self.over.set()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The clients that were started; nothing is mounted."""
    clients: list[Process] = []

    def start(*arguments: object) -> Process:
        clients.append(Process(len(clients)))
        return clients[-1]

    monkeypatch.setattr(volume.clients, "start", start)
    monkeypatch.setattr(volume.mounts, "layers", mounted)
    monkeypatch.setattr(volume.mounts, "unmount_down_to", nothing)
    monkeypatch.setattr(Volume, "_bind", nothing)
    return clients


def mounted(target: str) -> list[str]:
    return ["fuse.glusterfs"]


def nothing(*arguments: object) -> None:
    pass


def of(directory: Path, source: Source = SOURCE) -> Volume:
    places = Places(directory / "own", directory / "stage")
    return Volume(key_of(source), source, places, Store(directory / "state.json"), Limits(), threading.Event())


def nobody_watches(source: Source = SOURCE) -> bool:
    return not any(thread.name == f"watch-{key_of(source)}" for thread in threading.enumerate())


def test_a_client_that_ends_with_the_last_pod_is_not_told_as_lost(
    started: list[Process], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    used = of(tmp_path)
    used.publish("target", WANTED)
    used.unpublish("target")
    until(nobody_watches)
    assert [record.getMessage() for record in caplog.records] == ["client started", "client ended"]


def test_a_client_that_dies_is_told_and_replaced(
    started: list[Process], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    used = of(tmp_path)
    used.publish("target", WANTED)
    started[0].over.set()
    until(lambda: "recovered" in caplog.text)
    assert [record.getMessage() for record in caplog.records] == [
        "client started", "client gone", "client started", "recovered"
    ]  # fmt: skip
    used.unpublish("target")
    until(nobody_watches)


def test_after_a_failure_another_server_is_asked_and_the_log_of_the_dead_client_stays(
    started: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, begin = list[str](), volume.clients.start

    def start(source: Source, point: Path, log: Path, seconds: float) -> Client:
        asked.append(source.servers[0])
        log.write_text(f"log {len(asked)}")
        if len(asked) in (2, 3):
            raise Refusal(Code.UNAVAILABLE, "not now")
        return begin(source, point, log, seconds)

    monkeypatch.setattr(volume.clients, "start", start)

    def answers(server: str) -> bool:
        return server != "a"

    monkeypatch.setattr(servers, "_answers", answers)
    used = of(tmp_path, Source(("a", "b", "c"), "rep3"))
    wanted = Wanted(Source(("a", "b", "c"), "rep3"), ())
    used.publish("target", wanted)
    started[0].over.set()
    until(lambda: len(started) == 2)
    assert asked == ["b", "b", "c", "b"]
    assert (tmp_path / f"own/logs/{key_of(wanted.source)}.log.1").read_text() == "log 1"
    used.unpublish("target")
    until(lambda: nobody_watches(wanted.source))


def test_whoever_finds_a_client_dead_does_not_wait_until_all_others_have_another(
    started: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[tuple[str, str]] = []

    def bind(self: Volume, target: str, wanted: Wanted) -> None:
        bound.append((target, threading.current_thread().name))

    monkeypatch.setattr(Volume, "_bind", bind)
    monkeypatch.setattr(Volume, "_serve_again", nothing)  # nobody else replaces it before
    used, mine = of(tmp_path), threading.current_thread().name
    for target in ("one", "two"):
        used.publish(target, WANTED)
    started[0].over.set()
    used.publish("three", WANTED)
    until(lambda: len(bound) == 5)
    watch = f"watch-{KEY}"
    assert bound == [("one", mine), ("two", mine), ("three", mine), ("one", watch), ("two", watch)]
    for target in ("one", "two", "three"):
        used.unpublish(target)
    until(nobody_watches)
