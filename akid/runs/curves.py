"""What a line of ``metrics.jsonl`` is called as curves, in TensorBoard and in experiment trackers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def curves_of(record: Mapping[str, Any], losses: Mapping[str, float]) -> dict[str, float]:
    """The numbers of a record by the names of their curves: ``train/loss``, ``val/accuracy``, ``losses/conv1/wd``.

    Args:
        record: with ``kind`` and ``step``; None is no number.
        losses: of single blocks, weight decay included, by full name.
    """
    prefix = record["kind"]
    known = {name: value for name, value in record.items() if name not in ("kind", "step") and value is not None}
    curves = {f"{prefix}/{name.removeprefix('val_')}": value for name, value in known.items()}
    return curves | {f"losses/{name}": value for name, value in losses.items()}
