"""How many threads TensorFlow uses: chosen by the work of a step, before TensorFlow starts.

A small model loses more by handing work between threads than it gains: an MLP of 784-128-10 runs 1.6 times as fast
with one thread for each operation, and 1.35 times as fast again with one for all of them. The choice never comes
from timing, since bits depend on it; it is recorded in the run directory and reused when a run is resumed.
"""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.runs.run_dir import read_json, write_json

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.sensors.sensor import Sensor

logger = logging.getLogger(__name__)
#: Multiply-adds of a forward pass of one batch that are worth another thread.
WORK_PER_THREAD = 50_000_000


def settle_threads(brain: Brain, sensor: Sensor, record: Path) -> None:
    """Set TensorFlow's threads for this brain, unless its context has started already.

    Args:
        brain: not built yet; a copy is built in a graph of its own.
        sensor: set up; gives the shapes and the batch size.
        record: the file that keeps the choice.
    """
    before = read_json(record)
    if not before or "intra_op_threads" not in before:
        work = forward_work(brain, sensor)
        threads = choose_threads(work, available_cpus())
        before = {"intra_op_threads": threads, "multiply_adds_per_step": work}
    try:
        tf.config.threading.set_intra_op_parallelism_threads(before["intra_op_threads"])
        inter_op = choose_inter_op(before["intra_op_threads"], sensor.source.in_memory)
        tf.config.threading.set_inter_op_parallelism_threads(inter_op)
    except RuntimeError:
        started = tf.config.threading.get_intra_op_parallelism_threads() or available_cpus()
        if record.exists() and started != before["intra_op_threads"]:
            logger.warning(
                "this run used %d threads before and goes on with %d: results may differ in the last bits",
                before["intra_op_threads"],
                started,
            )
        before["intra_op_threads"] = started
    if not record.exists():
        write_json(record, before)


def choose_threads(work: int | None, cpus: int) -> int:
    """Threads for so many multiply-adds a step; all processors if that is not known."""
    return cpus if work is None else max(1, min(cpus, math.ceil(work / WORK_PER_THREAD)))


def choose_inter_op(threads: int, in_memory: bool) -> int:
    """Operations that run at the same time; 0 leaves it to TensorFlow.

    A model too small for a second thread inside an operation is too small for one beside it; but files are read
    and decoded by these threads. No bits depend on it.
    """
    return 1 if threads == 1 and in_memory else 0


def available_cpus() -> int:
    """Processors this process may use: its share ($AKID_CPUS) of a machine, within its cgroup's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get("AKID_CPUS", "")
    allowed = min(allowed, max(1, int(share))) if share.isdigit() else allowed
    quota = cgroup_quota(Path("/sys/fs/cgroup"))
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cgroup_quota(root: Path) -> float | None:
    """Processors the cgroup at ``root`` (version 2, else 1) may use; None for no limit, or an unreadable one."""
    try:
        limit, period = (root / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_v1 = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        period_v1 = int((root / "cpu" / "cpu.cfs_period_us").read_text())
        return limit_v1 / period_v1 if limit_v1 > 0 else None
    except (OSError, ValueError):
        return None


def forward_work(brain: Brain, sensor: Sensor) -> int | None:
    """Multiply-adds of a forward pass of one batch, by an abstract build; None if that is not possible."""
    if brain.built:
        return None
    try:
        graph = brain.trace(sensor.signature(), sensor.batch_size, Trip(abstract=True))
        return sum(_multiply_adds(op) for op in graph.get_operations())
    except Exception as error:
        # A user's block may do what a graph cannot; its real build will say so. Here it only costs a guess.
        logger.debug("no abstract build of %s: %s", brain.name, error)
        return None


def _multiply_adds(op: Any) -> int:
    """Of matrix products and convolutions: the output's elements times the terms each sums over."""
    kinds = ("MatMul", "BatchMatMulV2", "Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Einsum")
    if op.type not in kinds:
        return 0
    out = op.outputs[0].shape.num_elements()
    weights = op.inputs[1].shape
    if not out or not weights.is_fully_defined():
        return 0
    return int(out * math.prod(weights) // (weights[-1] or 1))
