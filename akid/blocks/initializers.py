"""Initialisers: the first value of a variable, a pure function of (shape, full name, seed)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from akid.backend import tf
from akid.blocks.random import philox
from akid.checks import Check
from akid.constructors import Configured
from akid.errors import AkidError, BlockError
from akid.registry import Registry


def _draw(shape: Sequence[int], name: str, seed: int, distribution: str) -> tf.Tensor:
    zero = tf.constant(0, tf.int64)
    dims = tf.constant(list(shape), tf.int64)
    return philox(f"{seed}/init/{name}", zero, zero, dims, distribution)


def _symmetric(shape: Sequence[int], name: str, seed: int, bound: float) -> tf.Tensor:
    return (2.0 * _draw(shape, name, seed, "uniform") - 1.0) * bound


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """``(fan_in, fan_out)``: for a kernel ``[*spatial, in, out]`` or a matrix ``[in, out]``."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class Initializer(Configured):
    """The first value of a variable: ``init(shape, full_name, seed)`` gives a float32 tensor.

    One of your own writes ``__call__``; with ``class Mine(Initializer, name="mine")`` it can be named in a dict or
    a manifest too. A subclass without a name is not registered.
    """

    argument_error: ClassVar[type[AkidError]] = BlockError
    #: What it is called in a dict or a manifest; the class's name if nothing.
    name: ClassVar[str] = "initialiser"
    names: ClassVar[Registry[Initializer]] = Registry("initialiser", BlockError)
    _fans: tuple[int, int] | None = None

    def __init_subclass__(cls, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Initializer.names.add(name, cls)
        cls.name = name or cls.__name__

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        raise NotImplementedError

    def with_fans(self, fans: tuple[int, int] | None) -> Self:
        """The same for a variable that is not ``[*spatial, in, out]``; see `fans_of`."""
        if fans is None:
            return self
        twin = copy.copy(self)
        twin._fans = fans
        return twin

    def fans_of(self, shape: Sequence[int]) -> tuple[int, int]:
        """``(fan_in, fan_out)`` of the variable: what its block said, else what its shape says."""
        return self._fans or fans(shape)

    @staticmethod
    def of(spec: str | Mapping[str, Any] | Initializer) -> Initializer:
        """From a name, ``{"name": ..., **arguments}``, or an initialiser itself.

        Raises:
            BlockError: the name is unknown, or the arguments do not fit.
        """
        if isinstance(spec, Initializer):
            return spec
        if not isinstance(spec, (str, Mapping)):
            forms = 'a name, {"name": ..., **arguments} or an Initializer'
            raise Check("", BlockError).wrong("initialiser", forms, spec)
        return Initializer.names.make(spec)


class Constant(Initializer, name="constant"):
    """Every element is ``value``; an array of the variable's shape is taken as it is."""

    def __init__(self, value: Any = 0.0) -> None:
        try:
            self.value = np.asarray(value, np.float32)
        except (TypeError, ValueError):
            self.value = np.array(np.nan, np.float32)
        if isinstance(value, (bool, str)) or not np.isfinite(self.value).all():
            raise self.check.wrong("value", "a finite number, or an array of such", value)

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        value = self.value
        if value.ndim and value.shape != tuple(shape):
            raise BlockError(
                f"{name}: the constant's shape must be that of the variable, {tuple(shape)}."
                f" Received: shape={value.shape}"
            )
        return tf.broadcast_to(tf.constant(value), list(shape))


class Zeros(Constant, name="zeros"):
    """Every element is 0."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant, name="ones"):
    """Every element is 1."""

    def __init__(self) -> None:
        super().__init__(1.0)


class Uniform(Initializer, name="uniform"):
    """Uniform in ``[low, high)``; ``range=r`` is short for ``[-r, r)`` (paper, section 3.1.2)."""

    def __init__(self, range: float | None = None, low: float | None = None, high: float | None = None) -> None:
        if (range is None) == (low is None and high is None) or (low is None) != (high is None):
            raise BlockError(
                "The initialiser 'uniform' takes either range, or low and high."
                f" Received: range={range!r}, low={low!r}, high={high!r}"
            )
        check = self.check
        if range is not None:
            self.high = check.number("range", range, least=0)
            self.low = -self.high
        else:
            self.low = check.number("low", low)
            self.high = check.number("high", high, least=self.low)

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        return self.low + (self.high - self.low) * _draw(shape, name, seed, "uniform")


class Normal(Initializer, name="normal"):
    """Normal with mean 0 and standard deviation ``stddev``."""

    def __init__(self, stddev: float = 0.1) -> None:
        self.stddev = self.check.number("stddev", stddev, least=0)

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        return self.stddev * _draw(shape, name, seed, "normal")


class TruncatedNormal(Initializer, name="truncated_normal"):
    """Normal cut at two standard deviations, by the inverse of the distribution function."""

    def __init__(self, stddev: float = 0.1) -> None:
        self.stddev = self.check.number("stddev", stddev, least=0)

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        inside = math.erf(2.0 / math.sqrt(2.0))
        quantile = _symmetric(shape, name, seed, inside)
        return self.stddev * math.sqrt(2.0) * tf.math.erfinv(quantile)


class Xavier(Initializer, name="xavier"):
    """Variance ``2 / (fan_in + fan_out)``: Glorot and Bengio, 2010, equation 16."""

    def __init__(self, uniform: bool = True) -> None:
        self.uniform = self.check.flag("uniform", uniform)

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        variance = 2.0 / sum(self.fans_of(shape))
        return _with_variance(shape, name, seed, variance, self.uniform)


class MSRA(Initializer, name="msra"):
    """Variance ``factor^2 * 2 / fan``: He et al., 2015, equations 10 (``in``) and 14 (``out``)."""

    def __init__(self, factor: float = 1.0, uniform: bool = False, fan: str = "in") -> None:
        check = self.check
        self.factor = check.number("factor", factor, least=0)
        self.uniform = check.flag("uniform", uniform)
        self.fan = check.one_of("fan", fan, ("in", "out"))

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        fan = self.fans_of(shape)[0 if self.fan == "in" else 1]
        return _with_variance(shape, name, seed, self.factor**2 * 2.0 / fan, self.uniform)


class UniformUnitScaling(Initializer, name="uniform_unit_scaling"):
    """Uniform in ``+-factor * sqrt(3 / fan_in)``: keeps the variance of the input (Sussillo, 2014)."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = self.check.number("factor", factor, least=0)

    def __call__(self, shape: Sequence[int], name: str, seed: int) -> tf.Tensor:
        return _symmetric(shape, name, seed, self.factor * math.sqrt(3.0 / self.fans_of(shape)[0]))


def _with_variance(shape: Sequence[int], name: str, seed: int, variance: float, uniform: bool) -> tf.Tensor:
    if uniform:
        return _symmetric(shape, name, seed, math.sqrt(3.0 * variance))
    return math.sqrt(variance) * _draw(shape, name, seed, "normal")
