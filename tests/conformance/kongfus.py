"""The conformance table of the KongFus: a line for every KongFu that akid exports. To add one, add a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from akid import kongfus as K  # noqa: N812
from akid.kongfus import KongFu

#: ``rule(w, g, slots, lr, s)`` gives the new ``w`` at update ``s``, counted from 1, and keeps ``slots``, a dict.
Rule = Callable[[np.ndarray, np.ndarray, dict[str, Any], float, int], np.ndarray]


@dataclass(frozen=True)
class Row:
    """A KongFu and what it must do.

    Args:
        kind: its class.
        rule: one update of one variable, in numpy.
        slots: names of the slots of every variable.
        options: its arguments beside the learning rate and the clipping.
        id: in the names of tests.
    """

    kind: type[KongFu]
    rule: Rule
    slots: tuple[str, ...]
    options: dict[str, Any]
    id: str

    def make(self, lr_scheme: Any, **clipping: float) -> KongFu:
        """A new one."""
        return self.kind(lr_scheme, **self.options, **clipping)


def row(kind: type[KongFu], rule: Rule, *slots: str, id: str = "", **options: Any) -> Row:
    """A line of the table."""
    return Row(kind, rule, slots, options, kind.__name__ + (f"-{id}" if id else ""))


def _sgd(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    return w - lr * g


def _momentum(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["m"] = 0.8 * s.get("m", 0) + g
    return w - lr * s["m"]


def _nesterov(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["m"] = 0.8 * s.get("m", 0) + g
    return w - lr * (g + 0.8 * s["m"])


def _adam(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["m"] = 0.85 * s.get("m", 0) + 0.15 * g
    s["v"] = 0.98 * s.get("v", 0) + 0.02 * g**2
    return w - lr * np.sqrt(1 - 0.98**n) / (1 - 0.85**n) * s["m"] / (np.sqrt(s["v"]) + 1e-3)


def _adamw(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    return _adam(w * (1 - lr * 0.1), g, s, lr, n)


def _lamb(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["m"] = 0.85 * s.get("m", 0) + 0.15 * g
    s["v"] = 0.98 * s.get("v", 0) + 0.02 * g**2
    r = s["m"] / (1 - 0.85**n) / (np.sqrt(s["v"] / (1 - 0.98**n)) + 1e-3) + 0.1 * w
    return w - lr * np.linalg.norm(w) / np.linalg.norm(r) * r


def _adagrad(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["a"] = s.get("a", 0.2) + g**2
    return w - lr * g / (np.sqrt(s["a"]) + 1e-3)


def _rmsprop(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["s"] = 0.8 * s.get("s", 0) + 0.2 * g**2
    s["m"] = 0.7 * s.get("m", 0) + lr * g / np.sqrt(s["s"] + 1e-3)
    return w - s["m"]


def _centered(w: Any, g: Any, s: Any, lr: float, n: int) -> Any:
    s["s"] = 0.8 * s.get("s", 0) + 0.2 * g**2
    s["g"] = 0.8 * s.get("g", 0) + 0.2 * g
    return w - lr * g / np.sqrt(s["s"] - s["g"] ** 2 + 1e-3)


BETAS = {"beta1": 0.85, "beta2": 0.98, "epsilon": 1e-3}
DECAY = {**BETAS, "weight_decay": 0.1}
RMS = {"rho": 0.8, "epsilon": 1e-3}

ROWS = [
    row(K.GradientDescentKongFu, _sgd),
    row(K.MomentumKongFu, _momentum, "momentum", momentum=0.8),
    row(K.MomentumKongFu, _nesterov, "momentum", id="nesterov", momentum=0.8, use_nesterov=True),
    row(K.AdamKongFu, _adam, "m", "v", **BETAS),
    row(K.AdamWKongFu, _adamw, "m", "v", **DECAY),
    row(K.LAMBKongFu, _lamb, "m", "v", **DECAY),
    row(K.AdagradKongFu, _adagrad, "accumulator", initial_accumulator_value=0.2, epsilon=1e-3),
    row(K.RMSPropKongFu, _rmsprop, "mean_square", "momentum", momentum=0.7, **RMS),
    row(
        K.RMSPropKongFu,
        _centered,
        "mean_square",
        "momentum",
        "mean_gradient",
        id="centered",
        centered=True,
        **RMS,
    ),
]

#: Exported to be subclassed.
ABSTRACT = {KongFu}
