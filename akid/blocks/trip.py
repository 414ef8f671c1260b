"""Trip: one passage of a signal through blocks, and the only place where a forward leaves anything behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from akid.backend import tf
from akid.blocks.random import Rows, draw, time_key
from akid.errors import BlockError

#: How a block notes each kind of thing under a name.
_METHODS = {
    "loss": "loss(value, name)",
    "measure": "eval(value, weight, name)",
    "summary": "summary(name, value)",
    "output": "output(value, name)",
}


@dataclass(frozen=True)
class Eval:
    """A measure of one batch, ready to be accumulated over many.

    Attributes:
        value: scalar float, the mean over the examples of the batch; None if ``finish`` is given.
        weight: scalar float, the number of examples the mean stands for.
        parts: tensors with a leading batch dimension, gathered over the batches ...
        finish: ... and turned into the measure by this function of numpy arrays.
    """

    value: tf.Tensor = None
    weight: tf.Tensor = None
    parts: tuple[tf.Tensor, ...] = ()
    finish: Callable[..., float] | None = None


class Trip:
    """One passage of a signal: its mode, clock and randomness, and what blocks note on the way.

    Args:
        training: True while learning; decides dropout, batch statistics and state updates.
        step: int or scalar integer tensor, the clock of the Kid.
        seed: Python int, the seed of the run.
        rows: ``(start, count)``: which rows of the global batch this one is; None for all of it. ``start`` may be
            a scalar integer tensor. Random draws are offset by it, so that a replica's draw is its slice of the
            global one.
        global_batch_size: rows of the global batch, an int or a scalar integer tensor; None if it is not known.
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
        rows: Rows | None = None,
        *,
        global_batch_size: int | tf.Tensor | None = None,
        inferring: bool = False,
        debug: bool = False,
        abstract: bool = False,
        keep: bool | Collection[str] = False,
    ) -> None:
        self.training, self.step, self.seed = training, step, seed
        self.rows, self.global_batch_size = rows, global_batch_size
        self.inferring, self.debug, self.abstract, self.keep = inferring, debug, abstract, keep
        self.losses: dict[str, tf.Tensor] = {}
        #: Of the losses that are not means over examples.
        self.loss_weights: dict[str, tf.Tensor] = {}
        self.evals: dict[str, Eval] = {}
        self.summaries: dict[str, tuple[str, tf.Tensor]] = {}
        self.data: dict[str, Any] = {}
        self.outputs: dict[str, tf.Tensor] = {}
        #: The time steps of the systems the signal is in, the outermost first.
        self.times: tuple[int, ...] = ()
        self.last = True
        #: How many losses and measures were noted, in all time steps.
        self.judgements = 0
        #: Whether the signal is inside a system already, whose name is not part of full names.
        self.rooted = False
        self._path: list[str] = []
        #: Variables made on the way, by full name.
        self.made: dict[str, tf.Variable] = {}
        self._counted: set[int] = set()
        self._draws: dict[tuple[str, tuple[str, int]], int] = {}

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
        before = self.times, self.last
        self.times, self.last = (*self.times, time), self.last and last
        try:
            yield
        finally:
            self.times, self.last = before

    def full_name(self, name: str) -> str:
        """The full name of something that is called ``name`` in the current block."""
        return "/".join([*self._path, name] if name else self._path)

    def loss(self, value: tf.Tensor, name: str = "", weight: tf.Tensor | None = None) -> None:
        """Note a scalar loss of the current block; it is added to ``total_loss``.

        Args:
            value: scalar.
            name: appended to the block's full name.
            weight: scalar, how many things it is the mean of, by which a validation averages it over its batches;
                the examples if left out.

        Raises:
            BlockError: the block has noted a loss of this name.
        """
        self._note("loss", self.losses, name, value)
        if weight is not None and self.last:
            self.loss_weights[self.full_name(name)] = weight

    def eval(self, value: tf.Tensor, weight: tf.Tensor | float = 1.0, name: str = "") -> None:
        """Note a measure that is a mean over examples.

        Args:
            value: scalar, the mean over this batch.
            weight: scalar, the number of examples it stands for; batches are averaged by it.
            name: appended to the block's full name.
        """
        noted = Eval(tf.cast(value, tf.float32), tf.cast(weight, tf.float32))
        self._note("measure", self.evals, name, noted)

    def gather(self, parts: Sequence[tf.Tensor], finish: Callable[..., float], name: str = "") -> None:
        """Note a measure that needs all examples at once, such as the area under a curve.

        Args:
            parts: tensors with a leading batch dimension, gathered over all batches.
            finish: gets the gathered parts as numpy arrays, gives the measure.
            name: appended to the block's full name.
        """
        self._note("measure", self.evals, name, Eval(parts=tuple(parts), finish=finish))

    def first(self, what: object) -> bool:
        """Whether this is met for the first time in this passage: what several blocks share may count once."""
        if not self.last:
            return True
        met = id(what) in self._counted
        self._counted.add(id(what))
        return not met

    def summary(self, name: str, value: tf.Tensor, kind: str = "histogram") -> None:
        """Note something to look at: ``kind`` is ``scalar``, ``histogram`` or ``image``."""
        self._note("summary", self.summaries, name, (kind, value))

    def output(self, value: tf.Tensor, name: str = "") -> None:
        """Note something the system infers."""
        self._note("output", self.outputs, name, value)

    def _note(self, what: str, notes: dict[str, Any], name: str, value: Any) -> None:
        full_name = self.full_name(name)
        self.judgements += what in ("loss", "measure")
        if not self.last:
            return
        if full_name in notes:
            article = "An" if what == "output" else "A"
            raise BlockError(
                f"{article} {what} called {full_name!r} is noted already. Give each {what} of a block a name of"
                f" its own: trip.{_METHODS[what]}; what runs more than once in a trip notes under another name"
                " each time."
            )
        notes[full_name] = value

    def keeps(self, name: str) -> bool:
        """Whether the output of the block with this full name is to be kept in ``data``."""
        return self.last and (self.keep if isinstance(self.keep, bool) else name in self.keep)

    @property
    def total_loss(self) -> tf.Tensor:
        """Scalar: the sum of all noted losses, weight decay included; zero if there is none."""
        if not self.losses:
            return tf.constant(0.0)
        losses = list(self.losses.values())
        # Of blocks of float64 among others the losses differ in dtype.
        return tf.add_n([tf.cast(loss, losses[0].dtype) for loss in losses])

    def random(
        self,
        shape: Sequence[int | tf.Tensor] | tf.Tensor,
        distribution: str = "uniform",
        dtype: tf.DType = tf.float32,
    ) -> tf.Tensor:
        """Random numbers that depend only on (seed, step, block, time step, row), never on process state.

        Args:
            shape: of the draw; its first dimension is the batch. A scalar is the same for all rows.
            distribution: ``uniform`` in [0, 1) or ``normal`` with mean 0 and variance 1.
            dtype: of the result; drawn as float32.
        """
        key = self.path, time_key(self.times)
        number = self._draws[key] = self._draws.get(key, -1) + 1
        shape = tf.cast(tf.convert_to_tensor(shape), tf.int64)
        stream = f"{self.seed}/{self.path}/{number}"
        return tf.cast(draw(stream, self.step, self.times, self.rows, shape, distribution), dtype)
