"""How state merges: every replica has its own copy of a block's state, and from outside there is one value."""

from __future__ import annotations

from typing import Literal, cast

from akid.backend import tf
from akid.errors import BlockError, near_match

#: The mean of the replicas' values; the sum of what each has added; the first replica's value.
Merge = Literal["mean", "sum", "first"]
_MERGES = ("mean", "sum", "first")


def merge_of(merge: str | None, dtype: tf.DType) -> Merge:
    """How a variable merges; by default the mean of floats, and the first of others: counters that count alike.

    Raises:
        BlockError: there is no such way.
    """
    chosen = merge or ("mean" if dtype.is_floating else "first")
    if chosen not in _MERGES:
        raise BlockError(
            f"merge must be one of {list(_MERGES)}. {near_match(str(merge), _MERGES)} Received: merge={merge!r}"
        )
    return cast(Merge, chosen)
