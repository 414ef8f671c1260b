"""Requests that come at the same time go through the model together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from akid.serving.model import ModelSignature
from akid.serving.options import Batching

Arrays = Mapping[str, np.ndarray]


def taken(rows: Sequence[int], waited: float, limits: Batching) -> int:
    """How many of the requests that wait are the next batch; 0 to wait for more.

    Args:
        rows: examples of each, the first come first.
        waited: seconds the first has.
        limits: see `Batching`.
    """
    count = total = 0
    for more in rows:
        if count and total + more > limits.max_rows:
            return count
        count, total = count + 1, total + more
    return count if total >= limits.max_rows or waited >= limits.max_wait else 0


def together(signature: ModelSignature, requests: Sequence[Arrays]) -> list[Arrays | Exception]:
    """What each request gets; one that fails alone spoils no other.

    Args:
        signature: of the model.
        requests: inputs of the same shapes, but for the number of examples.
    """
    if len(requests) > 1:
        with suppress(Exception):  # which of them it was is found out one by one
            return _split(signature({n: np.concatenate([r[n] for r in requests]) for n in requests[0]}), requests)
    return [_alone(signature, request) for request in requests]


def _split(outputs: Arrays, requests: Sequence[Arrays]) -> list[Arrays | Exception]:
    ends = np.cumsum([len(next(iter(r.values()))) for r in requests])
    if any(len(array) != ends[-1] for array in outputs.values()):
        raise ValueError("an output has not a row for each example")
    parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(len(requests))]


def _alone(signature: ModelSignature, request: Arrays) -> Arrays | Exception:
    try:
        return signature(request)
    except Exception as error:
        return error


@dataclass(frozen=True)
class _Request:
    inputs: Arrays
    rows: int
    since: float
    answer: asyncio.Future[Arrays]


@dataclass
class _Queue:
    """Requests that could go together."""

    waiting: deque[_Request] = field(default_factory=deque)
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Batcher:
    """Gathers requests of the same signature and shapes; one batch of them is at work at a time.

    Args:
        limits: see `Batching`.
        executor: where models run.
        observe: told the examples of each batch.
    """

    def __init__(self, limits: Batching, executor: Executor, observe: Callable[[int], None]) -> None:
        self._limits, self._executor, self._observe = limits, executor, observe
        self._queues: dict[object, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, signature: ModelSignature, inputs: Arrays) -> Arrays:
        """All outputs for the inputs.

        Raises:
            RefusedError: the model cannot take them.
        """
        loop = asyncio.get_running_loop()
        rows = len(next(iter(inputs.values())))
        request = _Request(inputs, rows, loop.time(), loop.create_future())
        shapes = tuple(array.shape[1:] for array in inputs.values())
        key = (signature, shapes) if signature.by_example else request.answer
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
            task = asyncio.create_task(self._work(key, signature, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.waiting.append(request)
        queue.came.set()
        return await request.answer

    async def _work(self, key: object, signature: ModelSignature, queue: _Queue) -> None:
        """Until nobody waits any more."""
        loop = asyncio.get_running_loop()
        while queue.waiting:
            limits = self._limits if signature.by_example else Batching(max_rows=1)
            waited = loop.time() - queue.waiting[0].since
            count = taken([request.rows for request in queue.waiting], waited, limits)
            if not count:
                queue.came.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(queue.came.wait(), limits.max_wait - waited)
                continue
            batch = [queue.waiting.popleft() for _ in range(count)]
            await self._run(signature, [request for request in batch if not request.answer.done()])
        del self._queues[key]

    async def _run(self, signature: ModelSignature, batch: Sequence[_Request]) -> None:
        if not batch:
            return
        self._observe(sum(request.rows for request in batch))
        inputs = [request.inputs for request in batch]
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._executor, together, signature, inputs)
        for request, answer in zip(batch, found, strict=True):
            if request.answer.done():  # its client is gone
                continue
            if isinstance(answer, Exception):
                request.answer.set_exception(answer)
            else:
                request.answer.set_result(answer)
