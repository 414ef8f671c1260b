"""Block: everything that processes a signal. A name, variables built once, hooks, copies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, cast

from akid.backend import tf
from akid.blocks.holder import Constraint, Holder
from akid.blocks.initializers import Initializer
from akid.blocks.merging import Merge, merge_of
from akid.blocks.trip import Trip
from akid.blocks.wiring import checked_inputs
from akid.constructors import Configured
from akid.errors import AkidError, BlockError
from akid.op_errors import NOT_FINITE, values_of

#: A tensor, or a list of tensors: what a block takes and gives.
Signal = Any
Hook = Callable[["Block", Signal, Trip], Signal | None]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
#: Of the variables a block makes.
DTYPES = ("float32", "float64")


@dataclass
class BlockHooks:
    """Functions ``f(block, signal, trip)`` called around a block's set-up and forward.

    The value of a ``post_forward`` hook, unless None, replaces the block's output.
    """

    pre_setup: list[Hook] = field(default_factory=list)
    post_setup: list[Hook] = field(default_factory=list)
    pre_forward: list[Hook] = field(default_factory=list)
    post_forward: list[Hook] = field(default_factory=list)


class Block(Configured, Holder):
    """Something that processes a signal, a tensor or a list of tensors, and emits one (paper, section 3.1).

    A subclass writes ``_setup(x)``, which makes variables once the first signal's shape is known, and
    ``_forward(x, trip)``. Nothing of a passage is kept in the block: it is noted on the `Trip`.

    Blocks that it holds in attributes, and in lists, tuples and dicts there, are part of it. What they learn has
    the full name ``<block>/<inner>/weights``; ``inner`` is their name, or else where they are: ``layers_0``
    for ``self.layers[0]``.

    Args:
        name: letters, digits and ``_ . -``; given by the system it is attached to if left out.
        dtype: of the variables the block makes: ``float32``, or ``float64`` for gradient checks. A block with
            variables takes floats of any dtype and computes in its own.
    """

    #: The stem of the names of unnamed blocks.
    stem: ClassVar[str] = "block"
    argument_error: ClassVar[type[AkidError]] = BlockError

    def __init__(self, name: str | None = None, *, dtype: str = "float32") -> None:
        if name is not None and not (
            isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", name)
        ):
            problem = f"A block's name has letters, digits, '_', '.' and '-' only. Received: name={name!r}"
            raise BlockError(problem, argument="name")
        super().__init__(name, self.stem)
        self.dtype = tf.as_dtype(self.check.one_of("dtype", dtype, DTYPES))
        self.hooks = BlockHooks()
        self.output_shape: Any = None
        self._build_trip: Trip | None = None

    def __call__(self, signal: Signal, trip: Trip | None = None) -> Signal:
        """Send a signal through.

        Args:
            signal: a tensor, an array, or a list of them.
            trip: the passage; a new one in inference mode if left out.
        """
        trip = Trip() if trip is None else trip
        signal = _as_tensors(signal, self.dtype)
        with trip.inside(self.name), tf.name_scope(_scope(self.name)):
            return self._pass(signal, trip)

    def _pass(self, signal: Signal, trip: Trip) -> Signal:
        self.inner_blocks()  # names those that came into lists and dicts
        if self.dtype == tf.float64:
            signal = _floats_as(self.dtype, signal)
        if not self.built:
            self._build(signal, trip)
        if any(variable.dtype == self.dtype for variable in self.own_variables.values()):
            signal = _floats_as(self.dtype, signal)
        for hook in self.hooks.pre_forward:
            hook(self, signal, trip)
        with values_of(trip.path or self.name):
            out = self._forward(signal, trip)
        self.output_shape = _static_shape(out)
        for hook in self.hooks.post_forward:
            replaced = hook(self, out, trip)
            out = out if replaced is None else replaced
        if trip.debug:
            out = _check_numerics(out, trip.path or self.name)
        if trip.path and trip.keeps(trip.path):
            trip.data[trip.path] = out
        return out

    def named_blocks(self, prefix: str = "", above: frozenset[int] = frozenset()) -> Iterator[tuple[str, Block]]:
        """``(full name, block)`` of every block inside of it, nested ones after the one they are in.

        Args:
            prefix, above: see `Holder`.
        """
        return cast("Iterator[tuple[str, Block]]", super().named_blocks(prefix, above))

    def _build(self, signal: Signal, trip: Trip) -> None:
        self._build_trip = trip
        try:
            for hook in self.hooks.pre_setup:
                hook(self, signal, trip)
            self._setup(signal)
            for hook in self.hooks.post_setup:
                hook(self, signal, trip)
        finally:
            self._build_trip = None
        self.built = True

    def _setup(self, x: Signal) -> None:
        """Make the variables. Called once, with the first signal; only its static shape and dtype count."""

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        raise NotImplementedError(f"{type(self).__name__} must define _forward(self, x, trip)")

    def infer(self, args: list[Any], trip: Trip) -> Signal | None:
        """What the block gives when some of ``args`` are missing (None): nothing, unless it says otherwise."""
        return None

    def variable(
        self,
        name: str,
        shape: Sequence[int | None],
        init: str | Mapping[str, Any] | Initializer = "zeros",
        *,
        trainable: bool = True,
        dtype: tf.DType | None = None,
        constraint: Constraint | None = None,
        merge: Merge | None = None,
        fans: tuple[int, int] | None = None,
    ) -> tf.Variable:
        """Make a variable of this block; only inside ``_setup``.

        Args:
            name: ``weights`` gives the full name ``conv1/weights``.
            shape: all dimensions known.
            init: an initialiser, its name, or ``{"name": ..., **arguments}``; see `akid.blocks.initializers`.
            trainable: False for state such as running statistics.
            dtype: the block's if left out.
            constraint: maps the value to an allowed one after every update (max-norm).
            merge: of state, how the replicas' copies become one before they are read from outside, such as for a
                checkpoint: their ``mean``, the ``sum`` of what each has added, or the ``first`` replica's. If left
                out, the mean of floats, the first of others.
            fans: ``(fan_in, fan_out)``: how many inputs an output sees, and the other way round, for initialisers
                that ask. If left out, those of a kernel ``[*spatial, in, out]``.

        Raises:
            BlockError: outside of ``_setup``, an unknown dimension, or an argument that cannot be.
        """
        trip = self._build_trip
        if trip is None:
            raise BlockError(f"{self.name}: variable({name!r}) is called outside of _setup().")
        dims = tf.TensorShape(shape)
        _check_variable(f"{trip.path or self.name}: ", name, dims, merge if trainable else None)
        dtype = dtype or self.dtype
        if not trainable:
            self.merges[name] = merge_of(merge, dtype)
        draw = Initializer.of(init).with_fans(fans)
        with tf.init_scope(), trip.inside(name):
            if trip.abstract:
                value = tf.zeros(dims, dtype)
            else:
                value = tf.cast(draw([int(d) for d in dims], trip.path, trip.seed), dtype)
            variable = tf.Variable(value, trainable=trainable, name=_scope(trip.path), dtype=dtype)
            trip.made[trip.path] = variable
        self.own_variables[name] = variable
        if constraint is not None:
            self.constraints[name] = constraint
        return variable

    def _twin(self, twins: dict[int, Holder]) -> Self:
        twin = super()._twin(twins)
        twin.hooks = BlockHooks(*(list(hooks) for hooks in vars(self.hooks).values()))
        return twin

    def options(self) -> dict[str, Any]:
        """What the block's `repr` shows."""
        return {}

    def __repr__(self) -> str:
        shown = "".join(f", {k}={v!r}" for k, v in self.options().items() if v is not None)
        return f"{type(self).__name__}(name={self.name!r}{shown})"


class ProcessingLayer(Block):
    """A block that can be attached to a `Brain`.

    Args:
        name: see `Block`.
        inputs: where the signal comes from; by default all outputs of the block attached before. A list of
            ``{"name": block, "idxs": [outputs]}``, in the order of the arguments; ``system_in`` is what the
            brain is given. An edge from a later block (feedback) may state its ``shape`` without the batch.
        dtype: see `Block`.
    """

    stem = "layer"

    def __init__(
        self,
        name: str | None = None,
        inputs: Sequence[Mapping[str, Any] | str] | None = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, dtype=dtype)
        self.inputs = checked_inputs(inputs, self.name)


def _scope(name: str) -> str:
    """A name TensorFlow accepts as a scope."""
    return re.sub(r"[^A-Za-z0-9_.\\/-]", "_", name).lstrip("_-/") or "block"


def _check_variable(where: str, name: str, dims: tf.TensorShape, merge: Merge | None) -> None:
    """Raises a BlockError if a variable cannot have the shape, or, one that is learnt, the merge."""
    if not dims.is_fully_defined():
        raise BlockError(
            f"{where}cannot make {name!r}: a dimension is not known before the first signal."
            f" Received: shape={tuple(dims)}. Give the signal a static shape (all but the batch)."
        )
    if merge is not None:
        raise BlockError(
            f"{where}merge is for state, trainable=False; of what is learnt the gradients are added up."
            f" Received: merge={merge!r} for {name!r}"
        )


def _as_tensors(signal: Signal, dtype: tf.DType) -> Signal:
    """Arrays become tensors, once, where they enter, those of float64 in the block's dtype."""
    if isinstance(signal, (list, tuple)):
        return [_as_tensors(s, dtype) for s in signal]
    if signal is None or tf.is_tensor(signal):
        return signal
    tensor = tf.convert_to_tensor(signal)
    return tf.cast(tensor, dtype) if tensor.dtype == tf.float64 else tensor


def _floats_as(dtype: tf.DType, signal: Signal) -> Signal:
    """Floats in this dtype; other numbers as they are."""
    if isinstance(signal, (list, tuple)):
        return [_floats_as(dtype, s) for s in signal]
    return tf.cast(signal, dtype) if signal is not None and signal.dtype.is_floating else signal


def _static_shape(out: Signal) -> Any:
    """The static shape as a tuple, a list of them for a list of tensors."""
    if isinstance(out, (list, tuple)):
        return [_static_shape(o) for o in out]
    return None if out is None or out.shape.rank is None else tuple(out.shape)


def _check_numerics(out: Signal, name: str) -> Signal:
    if isinstance(out, (list, tuple)):
        return [_check_numerics(o, name) for o in out]
    if out is None or not out.dtype.is_floating:
        return out
    return tf.debugging.check_numerics(out, NOT_FINITE.format(name))
