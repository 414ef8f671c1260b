"""KongFu: how a Kid learns; what all first-order optimisers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict

from akid.backend import tf
from akid.checks import optional
from akid.constructors import Configured
from akid.errors import AkidError
from akid.kongfus.clipping import Gradient, clip, merged
from akid.lr_schemes import LearningRateScheme

Scheme = float | str | Mapping[str, Any] | LearningRateScheme


class KongFuOptions(TypedDict, total=False):
    """What every KongFu takes by name, see `KongFu`."""

    clip_value: float | None
    clip_norm: float | None
    clip_global_norm: float | None
    name: str | None


class KongFu(Configured, tf.Module):
    """A genre of learning: ``apply(gradients, step)`` updates the variables given to `setup`.

    A KongFu of one's own writes ``_update(index, variable, gradient, lr, step)`` and names its `slot_names`. It
    keeps no count of the steps: the step is given, so that nothing but the slots need be saved.

    Args:
        lr_scheme: the learning rate: a number, ``{"name": "exp_decay", "base_lr": ...}``, or an object; see
            `akid.lr_schemes`.
        clip_value: bound of every element of a gradient.
        clip_norm: bound of the L2 norm of every gradient.
        clip_global_norm: bound of the L2 norm of all gradients together.
        name: of the KongFu.

    Attributes:
        slots: variables by name (``conv1/weights/momentum``); with the step, and the rate of a placeholder scheme,
            they are the whole state.

    Raises:
        AkidError: an argument is not in its range.
    """

    #: Names of the slots every variable has.
    slot_names: tuple[str, ...] = ()
    #: The learning rate if none is given.
    default_lr: ClassVar[float] = 0.01

    def __init__(
        self,
        lr_scheme: Scheme | None = None,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        clip_global_norm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self._kongfu_name = type(self).__name__
        self._kongfu_name = optional(self.check.text, "name", name) or self._kongfu_name
        self.lr_scheme = LearningRateScheme.of(self.default_lr if lr_scheme is None else lr_scheme)
        self.clip_value = optional(self.check.number, "clip_value", clip_value, above=0)
        self.clip_norm = optional(self.check.number, "clip_norm", clip_norm, above=0)
        self.clip_global_norm = optional(self.check.number, "clip_global_norm", clip_global_norm, above=0)
        self.slots: dict[str, tf.Variable] = {}
        self._variables: list[tf.Variable] = []
        self._names: list[str] = []

    @property
    def name(self) -> str:
        """The KongFu's name."""
        return self._kongfu_name

    def setup(self, parameters: Mapping[str, tf.Variable]) -> None:
        """Make the slots.

        Args:
            parameters: what is to be learnt, by full name.
        """
        self._variables = list(parameters.values())
        self._names = list(parameters)
        self.slots = {}
        self.lr_scheme.setup()
        for name, variable in parameters.items():
            for slot in self.slot_names:
                self.slots[f"{name}/{slot}"] = tf.Variable(
                    tf.fill(variable.shape, tf.constant(self.slot_start(slot), variable.dtype)),
                    trainable=False,
                    name=f"{variable.name.split(':')[0]}/{slot}",
                )

    def slot_start(self, slot: str) -> float:
        """The value a slot starts with."""
        return 0.0

    def drawn(self, index: int, slot: str, value: tf.Tensor, keep: float) -> tf.Tensor:
        """The slot, drawn towards a value: ``keep * slot + (1 - keep) * value``.

        Args:
            index, slot: see `slot`.
            value: of the variable's shape and dtype.
            keep: in [0, 1), how much of the slot is kept.
        """
        variable = self.slot(index, slot)
        new = variable.value() + (value - variable.value()) * tf.constant(1.0 - keep, value.dtype)
        tf.raw_ops.AssignVariableOp(resource=variable.handle, value=new)
        return new

    def slot(self, index: int, slot: str) -> tf.Variable:
        """The slot of the variable at this index."""
        return self.slots[f"{self._names[index]}/{slot}"]

    def lr(self, step: int | tf.Tensor) -> tf.Tensor:
        """Scalar float32, the learning rate at this step."""
        return tf.cast(self.lr_scheme(step), tf.float32)

    def set_lr(self, value: float) -> None:
        """Set the learning rate of a placeholder scheme; from a hook.

        Raises:
            AkidError: the scheme is another one, or the value is not a number >= 0.
        """
        self.lr_scheme.set(value)

    def get_lr(self, step: int = 0) -> float:
        """The learning rate at this step, as a number; that of a placeholder is the one set last."""
        return float(self.lr(step))

    def apply(self, gradients: Sequence[Gradient], step: int | tf.Tensor) -> None:
        """Update every variable.

        Args:
            gradients: one for every variable given to `setup`, in that order: a tensor, `tf.IndexedSlices` (of
                an embedding; they mean the same as the dense gradient), or None: the variable is left alone.
            step: int or scalar integer tensor, the number of updates made so far.

        Raises:
            AkidError: before `setup`, or not one gradient for every variable.
        """
        if len(gradients) != len(self._variables):
            missing = "" if self._variables else " Call setup(brain.parameters) first."
            raise AkidError(
                f"{self.name}: apply() takes one gradient for every of the {len(self._variables)} variables given"
                f" to setup().{missing} Received: {len(gradients)} gradients"
            )
        clipped = clip([merged(g) for g in gradients], self.clip_value, self.clip_norm, self.clip_global_norm)
        lr, clock = self.lr(step), self._clock(step)
        for index, (variable, gradient) in enumerate(zip(self._variables, clipped, strict=True)):
            if gradient is None:
                continue
            update = self._update_rows if isinstance(gradient, tf.IndexedSlices) else self._update
            update(index, variable, gradient, tf.cast(lr, variable.dtype), clock)

    def _clock(self, step: int | tf.Tensor) -> Any:
        """What the updates need to know of the step, computed once for all variables."""
        return step

    def _update(self, index: int, variable: tf.Variable, gradient: tf.Tensor, lr: tf.Tensor, step: Any) -> None:
        """Update one variable.

        Args:
            index: of the variable, for `slot`.
            variable: to be updated.
            gradient: dense, of the variable's shape.
            lr: scalar, in the variable's dtype.
            step: what `_clock` gave; the step if that is not overridden.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _update()")

    def _update_rows(
        self, index: int, variable: tf.Variable, gradient: tf.IndexedSlices, lr: tf.Tensor, step: Any
    ) -> None:
        """Update one variable by a sparse gradient whose rows differ; the others' gradient is zero.

        By default as a dense one: with momentum a zero gradient moves a row too, and sparse must equal dense. A
        KongFu that leaves such rows alone may do with less.
        """
        dense = tf.math.unsorted_segment_sum(gradient.values, gradient.indices, variable.shape[0])
        self._update(index, variable, dense, lr, step)
