"""How a run stands, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def outcome(result: Mapping[str, Any]) -> str:
    """``step 100, validation loss 0.1234, validation accuracy 0.9876``; of training if nothing was validated.

    Args:
        result: what ``result.json`` holds.
    """
    kind, prefix = ("training", "") if result.get("val_loss") is None else ("validation", "val_")
    measures = {"loss": result.get(f"{prefix}loss"), **(result.get(f"{prefix}evals") or {})}
    known = (f", {kind} {name} {value:.4f}" for name, value in measures.items() if value is not None)
    return f"step {result.get('step')}" + "".join(known)
