"""Hooks of a Kid: functions called with it at fixed points of its practice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: ``f(kid)``: a function of the `Kid` that practises.
KidHook = Callable[[Any], None]


@dataclass
class KidHooks:
    """Lists of ``f(kid)``, called in order.

    Attributes:
        on_train_begin: once, before the first step.
        on_batch_begin: before every step; with such a hook every step is a call of its own.
        on_train_log: after the training loss was logged.
        on_val_log: after a validation.
        on_epoch_end: after the step that completed an epoch.
        on_train_end: once, after the last step, checkpoint and validation.
    """

    on_train_begin: list[KidHook] = field(default_factory=list)
    on_batch_begin: list[KidHook] = field(default_factory=list)
    on_train_log: list[KidHook] = field(default_factory=list)
    on_val_log: list[KidHook] = field(default_factory=list)
    on_epoch_end: list[KidHook] = field(default_factory=list)
    on_train_end: list[KidHook] = field(default_factory=list)
