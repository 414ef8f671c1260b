"""What a checkpoint holds: variables by name, read at one moment, and put back if they are the same ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from akid.backend import tf
from akid.blocks.inner import once
from akid.errors import DataError, NotFiniteError

NOT_FINITE = "A parameter is not finite"
#: Shape and dtype.
Form = tuple[tuple[int, ...], tf.DType]


class SavedVariables:
    """The variables of a run.

    Args:
        variables: by name; each is saved under the first of its names if it has several.
        finite: names of those that must be finite, or nothing is saved.
    """

    def __init__(self, variables: Mapping[str, tf.Variable], finite: frozenset[str] = frozenset()) -> None:
        saved = once(variables)
        self.names, self.variables = list(saved), list(saved.values())
        self._finite = finite

    @functools.cached_property
    def _snapshot(self) -> Callable[[], tuple[tf.Tensor, list[tf.Tensor]]]:
        # Concrete: TensorFlow would warn of the traces of a process that makes many Kids.
        return tf.function(self._read, autograph=False).get_concrete_function()

    @property
    def dtypes(self) -> list[tf.DType]:
        """Of the variables."""
        return [variable.dtype for variable in self.variables]

    def read(self) -> list[tf.Tensor]:
        """All values, of one moment.

        Raises:
            NotFiniteError: one that must be finite is not.
        """
        total, values = self._snapshot()
        if not math.isfinite(float(total)):
            raise NotFiniteError(NOT_FINITE)
        return values

    def _read(self) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The sum of what must be finite, and all values. Nothing is copied: an update copies what is read."""
        values = [v.value() for v in self.variables]
        sums = [
            tf.reduce_sum(tf.cast(value, tf.float32))
            for name, value in zip(self.names, values, strict=True)
            if name in self._finite and (value.dtype.is_floating or value.dtype.is_complex)
        ]
        return tf.add_n(sums) if sums else tf.constant(0.0), values

    def assign(self, values: Sequence[Any]) -> None:
        """Put values back, in the order of the names."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def check(self, there: Mapping[str, Form], place: object) -> None:
        """See that what is saved somewhere fits.

        Args:
            there: shape and dtype by name.
            place: what its user calls it.

        Raises:
            DataError: a variable is not there, or of another shape or dtype.
        """
        for name, variable in zip(self.names, self.variables, strict=True):
            difference = _difference(there.get(name), (tuple(variable.shape), variable.dtype))
            if difference:
                raise DataError(
                    f"The checkpoint {place} is of another Kid: {name!r} {difference} here."
                    " Use another log_dir, or the Kid it was made with."
                )


def _difference(there: Form | None, here: Form) -> str:
    """In which respect a variable in a checkpoint is not the one of this Kid."""
    if there is None:
        return f"does not exist there and has the shape {here[0]}"
    if there[0] != here[0]:
        return f"has the shape {there[0]} there and has the shape {here[0]}"
    return "" if there[1] == here[1] else f"is of dtype {there[1].name} there and of {here[1].name}"
