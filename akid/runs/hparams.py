"""Hyper parameters for TensorBoard's page *HParams*: what a run was filled in with, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.runs.flat import flat

#: Of the plugin's messages: `STATUS_SUCCESS` and `STATUS_FAILURE`.
SUCCESS, FAILURE = 1, 2


def session_start(params: Mapping[str, Any], seconds: float) -> bytes:
    """A summary that says what a run was filled in with, serialized.

    Args:
        params: nested; they are told by path, e.g. ``opt_paras.lr``. What is neither a number nor a truth value is
            told as text.
        seconds: when it began, since the epoch.
    """
    from tensorboard.plugins.hparams import summary

    told = {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in flat(params).items()
    }
    return summary.session_start_pb(told, start_time_secs=seconds).SerializeToString()


def session_end(succeeded: bool, seconds: float) -> bytes:
    """A summary that says how it ended, serialized."""
    from tensorboard.plugins.hparams import summary

    return summary.session_end_pb(SUCCESS if succeeded else FAILURE, end_time_secs=seconds).SerializeToString()
