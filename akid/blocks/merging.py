"""How state merges: every replica has its own copy of a block's state, and whoever reads it wants one value."""

from __future__ import annotations

from typing import Any, Literal

from akid.backend import tf
from akid.errors import BlockError, near_match

#: The mean of the replicas' values, their sum, or that of the first replica.
Merge = Literal["mean", "sum", "first"]

_AGGREGATIONS = {
    "mean": tf.VariableAggregation.MEAN,
    "sum": tf.VariableAggregation.SUM,
    "first": tf.VariableAggregation.ONLY_FIRST_REPLICA,
}


def merging(merge: str | None, dtype: tf.DType) -> dict[str, Any]:
    """What tells `tf.Variable` so; with one replica it changes nothing.

    Args:
        merge: a `Merge`; by default the mean of floats, and the first of others: counters that all count alike.
        dtype: of the variable.

    Raises:
        BlockError: ``merge`` is none of them.
    """
    chosen = merge or ("mean" if dtype.is_floating else "first")
    if chosen not in _AGGREGATIONS:
        raise BlockError(
            f"merge must be one of {list(_AGGREGATIONS)}. {near_match(str(merge), _AGGREGATIONS)}"
            f" Received: merge={merge!r}"
        )
    return {"synchronization": tf.VariableSynchronization.ON_READ, "aggregation": _AGGREGATIONS[chosen]}
