"""What is read ahead in the background never keeps a process from ending."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from akid.backend import tf

#: Far more than it takes; what hangs, hangs for ever.
DEADLINE = 120

DAMAGED = """
import sys
from akid import Brain, ImageFolderSource, Kid, Sensor
from akid.layers import InnerProductLayer, SoftmaxWithLossLayer

sensor = Sensor(ImageFolderSource(sys.argv[1], size=[16, 16], scale=True), batch_size=10)
loss = SoftmaxWithLossLayer(2, inputs=["ip", {"name": "system_in", "idxs": [1]}])
brain = Brain().attach(InnerProductLayer(2, name="ip"), loss)
Kid(sensor, brain, max_steps=200, log_dir=sys.argv[1] + "/../run", progress=False).practice()
"""

SLOW = """
import time
from akid.backend import tf
from akid.sources.calls import call_python

def read(indices):
    time.sleep(0.1)
    return [indices]

spec = tf.TensorSpec([None], tf.int64)
batches = tf.data.Dataset.range(10**9).batch(2).map(lambda i: call_python(read, i, [spec]), num_parallel_calls=4)
feed = tf.function(lambda iterator=iter(batches): next(iterator))
print(feed()[0].numpy().tolist())
"""

GENERATOR = """
import sys
import time
from akid import DatasetSource, Sensor
from akid.backend import tf

def examples():
    for number in range(10**9):
        time.sleep(0.05)
        yield [1.0], number

specs = (tf.TensorSpec([1], tf.float32), tf.TensorSpec([], tf.int32))
pipeline = tf.data.Dataset.from_generator(examples, output_signature=specs)
sensor = Sensor(DatasetSource(pipeline.prefetch(sys.argv[1] == "prefetching" and 50 or 1)), 2)
sensor.setup()
feed = tf.function(sensor.feed("train"), autograph=False)
print(feed(tf.constant(0, tf.int64))[1].numpy().tolist())
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_a_damaged_picture_ends_the_process_with_its_name_in_one_message(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "data" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (*rng.integers(20, 90, 2), 3), np.uint8)
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    damaged = tmp_path / "data" / "a" / "30.png"
    damaged.write_bytes(damaged.read_bytes()[:100])
    ended = run(DAMAGED, str(tmp_path / "data"))
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith(f"akid.errors.DataError: {damaged} cannot be read: it is damaged, or no PNG")
    assert ended.stderr.count("Error:") == 1


@pytest.mark.parametrize(
    ("script", "how"), [(SLOW, ""), (GENERATOR, ""), (GENERATOR, "prefetching")], ids=["read", "generated", "both"]
)
def test_a_process_ends_while_batches_are_read_ahead(script: str, how: str) -> None:
    ended = run(script, how)
    assert (ended.returncode, ended.stdout) == (0, "[0, 1]\n")
