"""What engines for several processes gain: two workers with a core each beside one process with one core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from loopback import free_ports

from tests.benchmarks.bench_training import Peer
from tests.benchmarks.rows import Row

ROUNDS = 3


class Workers:
    """Processes that train together, each on a core of its own; one is alone.

    Args:
        model: see `tests.benchmarks.peers`.
        count: how many.
        compression: of the gradients on their way.
    """

    def __init__(self, model: str, count: int, compression: str = "") -> None:
        self._stack = ExitStack()
        addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
        self._peers: list[Peer] = []
        for index in range(count):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {"AKID_BENCH_CORE": str(index), "AKID_BENCH_COMPRESSION": compression}
            environment |= {"TF_CONFIG": json.dumps(config)} if count > 1 else {}
            peer = Peer(model, "worker" if count > 1 else "akid", environment)
            self._peers.append(self._stack.enter_context(peer))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def ready(self) -> None:
        """Wait until all have started."""
        for peer in self._peers:
            peer.answer()

    def round(self) -> float:
        """Seconds of a round."""
        for peer in self._peers:
            peer.begin()
        return max(peer.answer()["wall"] for peer in self._peers)


def gains(model: str) -> dict[str, list[float]]:
    """Times of one worker over those of two, round by round."""
    teams = {"plain": Workers(model, 2), "float16": Workers(model, 2, "float16")}
    found: dict[str, list[float]] = {name: [] for name in teams}
    with ExitStack() as stack:
        alone = stack.enter_context(Workers(model, 1))
        for team in (alone, *teams.values()):
            stack.enter_context(team)
            team.ready()
        for _ in range(ROUNDS):
            one = alone.round()
            for name, team in teams.items():
                found[name].append(one / team.round())
    return found


def run() -> Iterator[Row]:
    """The rows of the table."""
    lenet = gains("lenet")
    yield Row("LeNet, two workers over one, a core each", lenet["plain"], 1.25)
    yield Row("the same with float16 gradients", lenet["float16"], 1.40)
    yield Row("ResNet-20, two workers over one, a core each", gains("resnet20")["plain"], 1.7)
