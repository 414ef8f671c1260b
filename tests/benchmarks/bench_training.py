"""Training speed against Keras: rounds of processes that take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Self

from tests.benchmarks.rows import Row

ROUNDS = 7
#: Seconds a competitor may take for all its rounds.
DEADLINE = 600.0


class Peer:
    """A competitor's process; see `tests.benchmarks.peers`."""

    def __init__(self, model: str, peer: str, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.peers", model, peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | dict(environment or {}),
        )
        # One that hangs is ended, and its reader then finds the end of its output.
        self._deadline = threading.Timer(DEADLINE, self._process.kill)
        self._deadline.daemon = True
        self._deadline.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._deadline.cancel()
        self._process.kill()
        self._process.wait()

    def answer(self) -> dict[str, float]:
        """The next line of JSON; other output is passed over."""
        stream: IO[str] = self._process.stdout  # pyright: ignore[reportAssignmentType]
        for line in stream:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError("a benchmark's peer ended before it answered")

    def round(self) -> dict[str, float]:
        """Train one round: seconds of wall and of processor time."""
        self.begin()
        return self.answer()

    def begin(self) -> None:
        """Begin a round; `answer` waits for its end."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()


def race(model: str, peers: Sequence[str], rounds: int = ROUNDS) -> dict[str, list[dict[str, float]]]:
    """Rounds of several competitors, in turn; the order is reversed every other time."""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in peers}
    with ExitStack() as stack:
        running = {name: stack.enter_context(Peer(model, name)) for name in peers}
        for peer in running.values():
            peer.answer()
        for number in range(rounds):
            for name in list(peers)[:: 1 if number % 2 else -1]:
                results[name].append(running[name].round())
    return results


def ratios(results: dict[str, list[dict[str, float]]], over: str, what: str = "wall") -> list[float]:
    """A peer's time over akid's, round by round."""
    return [p[what] / a[what] for p, a in zip(results[over], results["akid"], strict=True)]


def first_step(rounds: int = 5) -> list[float]:
    """akid's time from the start of Python to the first step of LeNet, over Keras's."""
    found = []
    for _ in range(rounds):
        seconds = {}
        for name in ("keras", "akid"):
            started = time.perf_counter()
            with Peer("lenet_first", name) as peer:
                peer.answer()
                seconds[name] = time.perf_counter() - started
        found.append(seconds["akid"] / seconds["keras"])
    return found


def run() -> Iterator[Row]:
    """All rows, each as soon as it is known."""
    mlp = race("mlp", ["akid", "keras", "keras_best"])
    yield Row("MLP b64, speed over Keras fit", ratios(mlp, "keras"), 4.0)
    yield Row("MLP b64, speed over Keras fit, 50 steps a call, 1 thread", ratios(mlp, "keras_best"), 1.2)
    lenet = race("lenet", ["akid", "keras"])
    cpu = [a["cpu"] / k["cpu"] for a, k in zip(lenet["akid"], lenet["keras"], strict=True)]
    yield Row("LeNet b128, speed over Keras fit", ratios(lenet, "keras"), 1.0)
    yield Row("LeNet b128, processor time an image over Keras fit", cpu, 0.92, at_least=False)
    yield Row("LeNet, start of Python to first step, over Keras", first_step(), 0.8, at_least=False)
    resnet = race("resnet20", ["akid", "keras"])
    yield Row("ResNet-20 b128 from blocks, speed over Keras fit", ratios(resnet, "keras"), 1.5)
