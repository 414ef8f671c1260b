"""Time that passes only while nobody has anything to do: an hour of the operator takes a second, always alike."""

from __future__ import annotations

import asyncio
import random
import selectors
import sys
import time
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from akid_operator.work.reconcile import Reconciler

T = TypeVar("T")
# Added to every wait: sums of floats are never a little short of what is waited for.
GRAIN = 1e-6


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing that is due. For work without real input or output."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        """Seconds since it was made."""
        return self.now


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nobody will ever do anything again")
        self._loop.now += timeout + GRAIN if timeout > 0 else 0.0
        return super().select(0)


def run_virtually(monkeypatch: pytest.MonkeyPatch, seed: int, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; the operator takes the loop's time for the machine's, and chance is that of the seed."""
    loop = VirtualLoop()
    clock = SimpleNamespace(monotonic=loop.time)
    state = random.getstate()
    with monkeypatch.context() as patched:
        for name, module in sys.modules.items():
            if name.startswith("akid_operator.") and getattr(module, "time", None) is time:
                patched.setattr(module, "time", clock)
        defaults = Reconciler.__init__.__defaults__ or ()
        ours = tuple(loop.time if default is time.monotonic else default for default in defaults)
        patched.setattr(Reconciler.__init__, "__defaults__", ours)
        random.seed(seed)
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                return runner.run(work)
        finally:
            random.setstate(state)
