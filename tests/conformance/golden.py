"""Golden values: what every block of the table gave for one seed and one input, in golden.json.

They change only if what a block computes, or draws, changes: then what people have trained changes too, and the
changelog must say so. `PYTHONPATH=tests python -m conformance.golden` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from conformance.rows import Row

from akid.blocks.trip import Trip

FILE = Path(__file__).with_name("golden.json")
#: Significant digits that are kept: other processors sum in another order.
DIGITS = 6
#: How many numbers of a tensor are kept, from all over it.
NUMBERS = 4


def golden(row: Row) -> dict[str, Any]:
    """What a block of this line gives in inference and in training, and its losses."""
    block = row.built(Trip(seed=1), name="it")
    inferred, trained = Trip(step=3, seed=1), Trip(training=True, step=3, seed=1)
    found = {"infer": _sampled(block(row.signal(), inferred)), "train": _sampled(block(row.signal(), trained))}
    losses = {name: _short(float(value)) for name, value in inferred.losses.items()}
    return found | ({"losses": losses} if losses else {})


def _sampled(signal: Any) -> list[list[float]]:
    """Of every output some numbers and the mean of all."""
    arrays = [np.asarray(a, np.float64).ravel() for a in (signal if isinstance(signal, list) else [signal])]
    places = [np.unique(np.linspace(0, len(a) - 1, NUMBERS).astype(int)) for a in arrays]
    return [[*map(_short, a[p]), _short(a.mean())] for a, p in zip(arrays, places, strict=True)]


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def main() -> None:
    """Write the file anew."""
    from conformance.blocks import ROWS

    lines = [f" {json.dumps(row.id)}: {json.dumps(golden(row))}" for row in ROWS]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
