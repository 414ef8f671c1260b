"""Two replicas of a strategy, each with its rows, see together what one device sees: batches, jokers, dropout."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: A strategy needs devices of its own, which a process chooses before TensorFlow starts.
REPLICAS = """
import json
import numpy as np
from akid import Brain, Sensor, ArraySource, Trip, jokers
from akid.backend import tf
from akid.layers import DropoutLayer, InnerProductLayer

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
images = np.random.default_rng(0).integers(0, 256, (31, 6, 6, 3), np.uint8)
numbers = np.arange(31, dtype=np.int32)


def perceived():
    played = [jokers.CropJoker(6, 6, padding=1), jokers.FlipJoker(), jokers.LightJoker(), jokers.CutoutJoker(2)]
    mixed = jokers.MixupJoker(1.0, class_num=31)
    source = ArraySource(images, numbers, num_val=7, split_seed=None, scale=True)
    sensor = Sensor(source, 12, 4, jokers=[*played, mixed], seed=4)
    sensor.setup()
    brain = Brain().attach(DropoutLayer(0.5, name="drop"))
    brain.build(sensor.signature())
    sensor.feed("train")  # in the scope of a strategy too
    return sensor, brain


def step_of(sensor, brain, split, whole):
    def passage(step, rows):
        batch = sensor.feed(split, rows=rows)(step)
        trip = Trip(split == "train", step, seed=5, rows=rows, global_batch_size=whole)
        return [brain(batch, trip), batch[-1]]

    return passage


equal = []
for split, whole, steps in (("train", 12, (0, 1, 3, 200)), ("val", 4, (0, 1))):
    with strategy.scope():
        sensor, brain = perceived()
    half = whole // 2
    passage = step_of(sensor, brain, split, whole)

    @tf.function(autograph=False)
    def both(step):
        def replica():
            place = tf.distribute.get_replica_context().replica_id_in_sync_group * half
            return passage(step, (place, half))

        return [strategy.experimental_local_results(t) for t in strategy.run(replica)]

    alone = step_of(*perceived(), split, whole)
    for step in steps:
        clock = tf.constant(step, tf.int64)
        expected = alone(clock, None)
        for parts, one in zip(both(clock), expected):
            joined = np.concatenate([part.numpy() for part in parts])
            equal.append([split, step, joined.shape[0], bool(np.array_equal(joined, one.numpy()))])
print(json.dumps(equal))
"""


@pytest.fixture(scope="module")
def compared() -> list[list[object]]:
    command = [sys.executable, "-c", REPLICAS]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_replicas_see_their_rows_bit_by_bit(compared: list[list[object]]) -> None:
    assert all(equal for *_, equal in compared), compared


def test_the_last_batch_of_validation_is_uneven_and_whole(compared: list[list[object]]) -> None:
    rows = {(split, step): count for split, step, count, _ in compared}
    assert rows[("train", 200)] == 12
    assert [rows[("val", step)] for step in (0, 1)] == [4, 3]
