"""Trip: one passage of a signal through blocks, and the only place where a forward leaves anything behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from akid.backend import tf

#: ``tf.random.Algorithm.PHILOX``: counter based, the same bits on every device and version.
_PHILOX = 1
#: Philox gives its 32-bit numbers in groups of four; a counter counts groups.
_GROUP = 4


@dataclass(frozen=True)
class Eval:
    """A measure of one batch, ready to be accumulated over many.

    Attributes:
        value: scalar float, the mean over the examples of the batch; None if ``finish`` is given.
        weight: scalar float, the number of examples the mean stands for.
        parts: tensors with a leading batch dimension, gathered over the batches ...
        finish: ... and turned into the measure by this function of numpy arrays.
    """

    value: Any = None
    weight: Any = None
    parts: tuple[tf.Tensor, ...] = ()
    finish: Callable[..., float] | None = None


class Trip:
    """One passage of a signal: its mode, clock and randomness, and what blocks note on the way.

    Args:
        training: True while learning; decides dropout, batch statistics and state updates.
        step: int or scalar integer tensor, the clock of the Kid.
        seed: Python int, the seed of the run.
        rows: ``(start, total)``: where this batch's first row stands in the global batch, and the rows of that
            batch (None: unknown). Random draws are offset by ``start``, so a replica's draw is its slice of the
            global one.
        inferring: labels may be missing; what nobody consumes is noted in ``outputs``.
        debug: check every block's output for NaN and infinity, and name the first block that has one.
        abstract: only shapes are wanted: variables start as zeros, and nothing runs.
        keep: which blocks' outputs are kept in ``data``: True for all, or their full names.

    Attributes:
        losses, evals, summaries, data, outputs: what was noted, by the full name of the block (``conv1/wd``).
    """

    def __init__(
        self,
        training: bool = False,
        step: int | tf.Tensor = 0,
        seed: int = 0,
        rows: tuple[int | tf.Tensor, int | tf.Tensor | None] = (0, None),
        *,
        inferring: bool = False,
        debug: bool = False,
        abstract: bool = False,
        keep: bool | Collection[str] = False,
    ) -> None:
        self.training = training
        self.step = step
        self.seed = seed
        self.rows = rows
        self.inferring = inferring
        self.debug = debug
        self.abstract = abstract
        self.keep = keep
        self.losses: dict[str, tf.Tensor] = {}
        self.evals: dict[str, Eval] = {}
        self.summaries: dict[str, tuple[str, tf.Tensor]] = {}
        self.data: dict[str, Any] = {}
        self.outputs: dict[str, tf.Tensor] = {}
        self.time = 0
        self.last = True
        #: Whether the signal is inside a system already, whose name is not part of full names.
        self.rooted = False
        self._path: list[str] = []
        self._draws: dict[str, int] = {}
        #: Variables made on the way, by full name.
        self.made: dict[str, tf.Variable] = {}
        self._counted: set[int] = set()

    @property
    def path(self) -> str:
        """Full name of the block the signal is in; empty in the outermost system."""
        return "/".join(self._path)

    @property
    def updating(self) -> bool:
        """Whether blocks update their state now: in training, at the last of the time steps."""
        return self.training and self.last

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Everything noted in this context belongs to the block called ``name``."""
        self._path.append(name)
        try:
            yield
        finally:
            self._path.pop()

    @contextmanager
    def at_time(self, time: int, last: bool) -> Iterator[None]:
        """One step of a system with feedback; only the last one counts for losses, evals and state."""
        before = self.time, self.last
        self.time, self.last = self.time * 1024 + time, self.last and last
        try:
            yield
        finally:
            self.time, self.last = before

    def full_name(self, name: str) -> str:
        """The full name of something that is called ``name`` in the current block."""
        return "/".join([*self._path, name] if name else self._path)

    def loss(self, value: tf.Tensor, name: str = "") -> None:
        """Note a scalar loss of the current block; it is added to ``total_loss``."""
        if self.last:
            self.losses[self.full_name(name)] = value

    def eval(self, value: tf.Tensor, weight: tf.Tensor | float = 1.0, name: str = "") -> None:
        """Note a measure that is a mean over examples.

        Args:
            value: scalar, the mean over this batch.
            weight: scalar, the number of examples it stands for; batches are averaged by it.
            name: appended to the block's full name.
        """
        if self.last:
            value = tf.cast(value, tf.float32)
            self.evals[self.full_name(name)] = Eval(value, tf.cast(weight, tf.float32))

    def gather(self, parts: Sequence[tf.Tensor], finish: Callable[..., float], name: str = "") -> None:
        """Note a measure that needs all examples at once, such as the area under a curve.

        Args:
            parts: tensors with a leading batch dimension, gathered over all batches.
            finish: gets the gathered parts as numpy arrays, gives the measure.
            name: appended to the block's full name.
        """
        if self.last:
            self.evals[self.full_name(name)] = Eval(parts=tuple(parts), finish=finish)

    def first(self, what: object) -> bool:
        """Whether this is met for the first time in this passage: what several blocks share may count once."""
        if not self.last:
            return True
        met = id(what) in self._counted
        self._counted.add(id(what))
        return not met

    def summary(self, name: str, value: tf.Tensor, kind: str = "histogram") -> None:
        """Note something to look at: ``kind`` is ``scalar``, ``histogram`` or ``image``."""
        if self.last:
            self.summaries[self.full_name(name)] = (kind, value)

    def output(self, value: tf.Tensor, name: str = "") -> None:
        """Note something the system infers."""
        if self.last:
            self.outputs[self.full_name(name)] = value

    def keeps(self, name: str) -> bool:
        """Whether the output of the block with this full name is to be kept in ``data``."""
        return self.last and (self.keep if isinstance(self.keep, bool) else name in self.keep)

    @property
    def total_loss(self) -> tf.Tensor:
        """Scalar: the sum of all noted losses, weight decay included; zero if there is none."""
        if not self.losses:
            return tf.constant(0.0)
        return tf.add_n(list(self.losses.values()))

    def random(
        self,
        shape: Sequence[int | tf.Tensor] | tf.Tensor,
        distribution: str = "uniform",
        dtype: tf.DType = tf.float32,
    ) -> tf.Tensor:
        """Random numbers that depend only on (seed, step, block, time step, row), never on process state.

        Args:
            shape: of the draw; its first dimension is the batch.
            distribution: ``uniform`` in [0, 1) or ``normal`` with mean 0 and variance 1.
            dtype: of the result; drawn as float32.
        """
        path = self.path
        draw = self._draws.get(f"{path}@{self.time}", 0)
        self._draws[f"{path}@{self.time}"] = draw + 1
        shape = tf.cast(tf.convert_to_tensor(shape), tf.int64)
        start = self.rows[0]
        if isinstance(start, int) and start == 0:
            first = tf.constant(0, tf.int64)
        else:
            first = tf.cast(start, tf.int64) * tf.reduce_prod(shape[1:])
        clock = tf.cast(self.step, tf.int64) * 2**20 + self.time
        numbers = philox(f"{self.seed}/{path}/{draw}", clock, first, shape, distribution)
        return tf.cast(numbers, dtype)


def philox(stream: str, clock: tf.Tensor, first: tf.Tensor, shape: tf.Tensor, distribution: str) -> tf.Tensor:
    """Numbers ``first ..`` of the stream called ``stream`` at time ``clock``, float32 of ``shape``."""
    digest = hashlib.blake2b(stream.encode(), digest_size=8).digest()
    key = tf.constant([int.from_bytes(digest)], tf.uint64)
    group, skip = first // _GROUP, first % _GROUP
    counter = tf.cast(tf.stack([group, clock]), tf.uint64)
    op = {
        "uniform": tf.raw_ops.StatelessRandomUniformV2,
        "normal": tf.raw_ops.StatelessRandomNormalV2,
    }[distribution]
    size = tf.reduce_prod(shape)
    flat = op(shape=[skip + size], key=key, counter=counter, alg=_PHILOX, dtype=tf.float32)
    return tf.reshape(flat[skip:], shape)
