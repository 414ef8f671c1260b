"""One competitor in a process of its own: for every line on stdin it trains a round and prints how long it took.

``python -m tests.benchmarks.peers MODEL PEER``; the peer's threads are those it would have in a user's hands.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

#: Shape of an example, batch size, steps of a round: many, so that what a call of practice() or fit() costs once
#: counts for as little as in a long run.
MODELS: dict[str, tuple[tuple[int, ...], int, int]] = {
    "mlp": ((28, 28, 1), 64, 2000),
    "lenet": ((28, 28, 1), 128, 120),
    "lenet_first": ((28, 28, 1), 128, 1),
    "resnet20": ((32, 32, 3), 128, 8),
}
EXAMPLES = 8_000
LEARNING_RATE = 0.01


def data(model: str) -> tuple[np.ndarray, np.ndarray]:
    """Random images as bytes, and labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, [EXAMPLES, *MODELS[model][0]], dtype=np.uint8)
    return images, rng.integers(0, 10, [EXAMPLES])


def akid_kid(model: str, **options: Any) -> Any:
    """The Kid of a model, set up."""
    from akid.kids import Kid
    from akid.kongfus import MomentumKongFu
    from akid.sensors import Sensor
    from akid.sources import ArraySource
    from tests.benchmarks.networks import akid_brain

    source = ArraySource(*data(model), scale=True)
    sensor = Sensor(source, batch_size=MODELS[model][1])
    kongfu = MomentumKongFu(LEARNING_RATE)
    quiet: dict[str, Any] = {"progress": False, "do_summary": False, "save_chk_point": False}
    kid = Kid(sensor, akid_brain(model), kongfu, max_steps=0, log_dir=tempfile.mkdtemp(), **(quiet | options))
    kid.setup()
    return kid


def akid_round(model: str, **options: Any) -> Callable[[], None]:
    """A round of practice."""
    kid = akid_kid(model, **options)

    def one() -> None:
        kid.max_steps = kid.step + MODELS[model][2]
        kid.practice()

    return one


def keras_round(model: str, **options: Any) -> Callable[[], None]:
    """A round of Keras ``fit``."""
    import keras

    from tests.benchmarks.networks import keras_model

    images, labels = data(model)
    images = images.astype(np.float32) / 255
    batch, steps = MODELS[model][1:]
    count = batch * steps
    repeat = -(-count // EXAMPLES)
    images, labels = (np.concatenate([a] * repeat)[:count] for a in (images, labels))
    network = keras_model(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=0.9)
    network.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], **options)
    return lambda: network.fit(images, labels, batch_size=batch, verbose=0)


def keras_best_round(model: str) -> Callable[[], None]:
    """Keras at its best for a small model: many steps a call, and akid's number of threads."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    return keras_round(model, steps_per_execution=50)


def worker_round(model: str) -> Callable[[], None]:
    """A round of practice as one of the members that TF_CONFIG names."""
    compression = os.environ["AKID_BENCH_COMPRESSION"] or None
    return akid_round(model, engine={"name": "multi_worker", "compression": compression})


def data_parallel_round(model: str) -> Callable[[], None]:
    """A round of practice on two logical devices of the processor."""
    return akid_round(model, engine={"name": "data_parallel", "num_gpu": 2, "devices": "cpu"})


PEERS: dict[str, Callable[[str], Callable[[], None]]] = {
    "akid": akid_round,
    "worker": worker_round,
    "data_parallel": data_parallel_round,
    "keras": keras_round,
    "keras_best": keras_best_round,
}


def main(model: str, peer: str) -> None:
    """Warm up, then a round for every line; on one core, if $AKID_BENCH_CORE names it."""
    if core := os.environ.get("AKID_BENCH_CORE"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(core) % len(cores)]})
    one = PEERS[peer](model)
    one()
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        cpu, wall = _cpu(), time.perf_counter()
        one()
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}), flush=True)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
