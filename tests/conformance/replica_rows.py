"""Sends a batch through every block of the table on one replica and on two; a program of its own, not a test.

Output: JSON, for every row the largest difference of its outputs, losses and measures.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from conformance.blocks import ROWS
from conformance.rows import BATCH, Row

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.engines.replicas import slice_of
from akid.engines.strategies import StrategyReplicas

ROWS_IN_ALL = 5


def as_list(signal: Any) -> list[Any]:
    return signal if isinstance(signal, list) else [signal]


def passage(block: Any, signal: list[Any], start: int, count: int, training: bool) -> dict[str, Any]:
    trip = Trip(training, 3, 7, (start, count), global_batch_size=ROWS_IN_ALL)
    part = [tensor[start : start + count] for tensor in signal]
    outputs = as_list(block(part if len(part) > 1 else part[0], trip))
    noted = {f"loss/{name}": value for name, value in trip.losses.items()}
    noted |= {f"eval/{name}": e.value for name, e in trip.evals.items() if e.finish is None}
    return {f"output/{i}": output for i, output in enumerate(outputs)} | noted


def joined(parts: list[dict[str, Any]], shares: list[float], whole: dict[str, Any]) -> dict[str, np.ndarray]:
    """Rows one after another; what is one number for a batch, such as a loss, by the share of its rows."""
    result = {}
    for name, value in whole.items():
        values = [np.asarray(part[name]) for part in parts]
        if np.ndim(value):
            result[name] = np.concatenate(values)
        else:
            result[name] = sum(share * v for share, v in zip(shares, values, strict=True))
    return result


def difference(row: Row, replicas: StrategyReplicas, training: bool) -> float:
    with replicas.scope():
        block = row.built(Trip(seed=1), name="it")
    signal = as_list(row.signal(ROWS_IN_ALL))
    slices = [slice_of(i, 2, ROWS_IN_ALL) for i in (0, 1)]
    before = [variable.numpy() for variable in block.named_variables().values()]
    parts = replicas.run(lambda: passage(block, signal, *slices[replicas.index()], training))
    for variable, value in zip(block.named_variables().values(), before, strict=True):
        variable.assign(value)
    whole = passage(block, signal, 0, ROWS_IN_ALL, training)
    found = joined(parts, [count / ROWS_IN_ALL for _, count in slices], whole)
    return max((float(np.max(np.abs(found[n] - np.asarray(whole[n])), initial=0.0)) for n in found), default=0.0)


def main() -> None:
    """Run."""
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
    replicas = StrategyReplicas(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    result = {}
    for row in ROWS:
        modes = (False,) if BATCH in row.flags else (False, True)
        result[row.id] = max(difference(row, replicas, training) for training in modes)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
