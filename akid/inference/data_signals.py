"""Which of the signals a brain learns from inference needs: the data, not the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from akid.backend import tf
from akid.blocks.trip import Trip

if TYPE_CHECKING:
    from akid.blocks.brain import Brain


Prepare = Callable[[list[tf.Tensor]], list[tf.Tensor]]


def data_signals(brain: Brain, signature: Sequence[tf.TensorSpec], prepare: Prepare | None = None) -> list[int]:
    """Indices of the signals of ``system_in`` that something the brain infers depends on.

    The brain itself says what it infers, as in `Brain.predict`. What depends on neither the first signal nor a
    variable, such as labels made one-hot, was not inferred but given.

    Args:
        brain: built.
        signature: of all signals it learns from, the data first; raw ones if there is a ``prepare``.
        prepare: makes of raw signals what the brain is given.
    """
    trip = Trip(inferring=True)
    with tf.__internal__.FuncGraph("inference").as_default():
        signals = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in signature]
        brain(signals if prepare is None else prepare(signals), trip)
    indices = {signal.op: index for index, signal in enumerate(signals)}
    # A block runs with all its arguments or not at all, so that its outputs need what any of them depends on.
    found: dict[str, set[tf.Operation]] = {}
    for name, output in trip.outputs.items():
        found.setdefault(name.partition(":")[0], set()).update(_origins(output.op))
    given: set[int] = set()
    inferred: set[int] = set()
    for origins in found.values():
        signals_of_block = {indices[op] for op in origins if op in indices}
        given |= signals_of_block
        if 0 in signals_of_block or _any_variable(origins):
            inferred |= signals_of_block
    return sorted(inferred or given) or [0]


def _origins(op: tf.Operation) -> set[tf.Operation]:
    """The ops without inputs that an op depends on."""
    seen, todo = {op}, [op]
    while todo:
        before = {tensor.op for tensor in todo.pop().inputs} - seen
        seen |= before
        todo += before
    return {op for op in seen if not op.inputs}


def _any_variable(origins: Iterable[tf.Operation]) -> bool:
    return any(output.dtype == tf.resource for op in origins for output in op.outputs)
