"""A tracker that fails, hangs or comes back never reaches the training, and is told of once."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from cluster.waiting import wait_for
from kid.small_kids import result, small_kid

from akid.engines.single import SingleEngine
from akid.errors import PeerLostError, StorageError, SupersededError
from akid.runs.run_dir import RunDir
from akid.trackers import trackers
from akid.trackers.delivery import Delivery
from akid.trackers.tracker import Description, Ending
from akid.trackers.trackers import Known


class Stub:
    """Takes down what it is told; ``fails`` says which calls raise."""

    def __init__(self, fails: list[bool] | None = None) -> None:
        self.told: list[object] = []
        self.fails = fails or []

    def begin(self, description: Description) -> None:
        self.told.append(("begin", description.tags))

    def log(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        if self.fails and self.fails.pop(0):
            raise ConnectionError(f"no server at step {step}")
        self.told.append((step, sorted(values)))

    def end(self, ending: Ending) -> None:
        self.told.append(ending)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """The tracker of this process's runs."""
    stub = Stub()
    monkeypatch.setattr(trackers, "KNOWN", {"json": Known("Stub", ("STUB",), lambda identities: stub)})
    monkeypatch.setenv("STUB", "1")
    return stub


def delivered(stub: Stub, steps: int) -> None:
    """Tell a stub of so many steps, and wait."""
    delivery = Delivery("Stub", stub, Description("run"), lambda: None)
    for step in range(steps):
        delivery.log(step, 0.0, {"train/loss": 1.0})
    delivery.end(Ending.FINISHED)
    delivery.wait(60)


def test_a_run_is_told_from_its_beginning_to_its_end(stub: Stub, tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    train = ["train/accuracy", "train/epoch", "train/examples_per_second", "train/loss", "train/lr"]
    losses, val = ["losses/ip1/wd", "losses/loss"], ["val/accuracy", "val/epoch", "val/loss"]
    assert stub.told == [
        ("begin", {"akid.brain": "Brain", "akid.engine": "single"}),
        (5, [*losses, *train]),
        (5, val),
        (10, [*losses, *train]),
        (10, val),
        Ending.FINISHED,
    ]


def test_a_failure_is_told_once_until_it_was_well(caplog: pytest.LogCaptureFixture) -> None:
    stub = Stub(fails=[True, True, False, True])
    with caplog.at_level(logging.WARNING):
        delivered(stub, 5)
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"Stub: no server at step {step}. The training goes on." for step in (0, 3)]
    assert [item[0] for item in stub.told[1:-1]] == [2, 4]


@pytest.mark.parametrize(
    ("error", "ending"), [(SystemError, Ending.FAILED), (PeerLostError, Ending.INTERRUPTED)], ids=["own", "peer"]
)
def test_an_error_ends_a_run_as_failed_and_a_lost_peer_only_interrupts_it(
    stub: Stub, tmp_path: Path, error: type[Exception], ending: Ending
) -> None:
    def fail(kid: object) -> None:
        raise error

    kid = small_kid(tmp_path)
    kid.hooks.on_val_log.append(fail)
    with pytest.raises(error):
        kid.practice()
    assert stub.told[-1] is ending


def test_a_signal_interrupts_a_run(stub: Stub, tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.hooks.on_train_begin.append(lambda kid: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit):
        kid.practice()
    assert stub.told[-1] is Ending.INTERRUPTED


def test_a_tracker_that_hangs_holds_the_end_up_for_a_while_only(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hung = threading.Event()
    monkeypatch.setattr(stub, "begin", lambda description: hung.wait(300))
    monkeypatch.setattr(trackers, "PATIENCE", dict.fromkeys(Ending, 0.1))
    with caplog.at_level(logging.WARNING):
        small_kid(tmp_path).practice()
    hung.set()
    assert result(tmp_path)["reason"] == "max_steps"
    assert "not told everything" in caplog.text


def test_only_the_chief_tells(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SingleEngine, "is_chief", False)
    kid = small_kid(tmp_path)
    kid.practice()
    assert kid.step == 10
    assert not stub.told


def test_a_process_that_was_replaced_tells_nothing_more(stub: Stub, tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    replaced = threading.Event()

    def check_newest() -> None:
        if replaced.is_set():
            raise SupersededError("another one trains")

    run_dir.check_newest = check_newest
    told = trackers.Trackers(run_dir, lambda: Description("run"))
    replaced.set()
    told.log(1, {"train/loss": 1.0})
    told.end(Ending.FINISHED)
    assert [item for item in stub.told if item != ("begin", {})] == []


def test_a_file_system_that_is_away_ends_neither_the_training_nor_the_telling(stub: Stub, tmp_path: Path) -> None:
    run_dir, away = RunDir(tmp_path), [True]

    def check_newest() -> None:
        if away[0]:
            raise StorageError("the volume is away")

    run_dir.check_newest = check_newest
    told = trackers.Trackers(run_dir, lambda: Description("run"))
    told.log(1, {"train/loss": 1.0})
    wait_for(lambda: told._deliveries[0]._messages.empty(), "it was tried")
    told.end(Ending.FINISHED)  # raises nothing
    away[0] = False
    told = trackers.Trackers(run_dir, lambda: Description("run"))
    told.end(Ending.FINISHED)
    assert stub.told[-1] == Ending.FINISHED


def test_the_end_is_told_to_one_that_is_too_slow_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("akid.trackers.delivery.MOST", 4)
    stub, may_go_on = Stub(), threading.Event()
    monkeypatch.setattr(stub, "begin", lambda description: may_go_on.wait(60))
    delivery = Delivery("Stub", stub, Description("run"), lambda: None)
    for step in range(20):
        delivery.log(step, 0.0, {"train/loss": 1.0})
    delivery.end(Ending.FAILED)
    may_go_on.set()
    delivery.wait(60)
    assert stub.told[-1] == Ending.FAILED
