"""What a checkpoint and the summaries cost the training loop."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from akid import ArraySource, Brain, Kid, Sensor
from akid.layers import InnerProductLayer, MSELossLayer
from akid.models.brains import LeNet
from akid.runs.inspection import Inspector
from akid.runs.run_dir import RunDir
from akid.runs.tensorboard import Events
from tests.benchmarks.rows import Row


def _deep_kid(log_dir: Path) -> Kid:
    """10 million parameters in 80 variables, as many slots."""
    brain = Brain("deep")
    for number in range(39):
        brain.attach(InnerProductLayer(506, name=f"ip{number}"))
    brain.attach(InnerProductLayer(16, name="out"))
    brain.attach(MSELossLayer(name="loss", inputs=["out", {"name": "system_in", "idxs": [1]}]))
    data, labels = np.zeros([8, 506], np.float32), np.zeros([8, 16], np.float32)
    sensor = Sensor(ArraySource(data, labels), batch_size=4)
    return Kid(sensor, brain, max_steps=100, log_dir=log_dir, do_summary=False, progress=False)


def checkpoint_call(rounds: int = 9) -> Row:
    """How long `Kid.save` holds up training, its check for NaN included."""
    with tempfile.TemporaryDirectory() as log_dir:
        kid = _deep_kid(Path(log_dir))
        kid.setup()
        assert kid.brain.num_parameters > 9_900_000
        assert len(kid.brain.parameters) == 80
        calls = []
        for _ in range(1 + rounds):
            kid.engine.train(1)
            calls.append(1000 * _seconds(kid.save))
            kid._run.checkpoints.sync()
    return Row("checkpoint call, 10 M parameters in 80 variables", calls[1:], 15, at_least=False, unit="ms")


def summary_cost(steps: int = 30, rounds: int = 3) -> Row:
    """What TensorBoard costs LeNet, batch 128, with a look every 100 steps."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, [1024, 28, 28, 1], np.uint8), rng.integers(0, 10, 1024)
    source = ArraySource(images, labels, scale=True)
    with tempfile.TemporaryDirectory() as log_dir:
        kid = Kid(Sensor(source, 128), LeNet(), max_steps=1, log_dir=log_dir, progress=False, save_chk_point=False)
        kid.setup()
        events, inspector = Events(RunDir(log_dir)), Inspector(kid.brain, kid.sensor)
        kid.engine.train(2)
        inspector(0)
        training, looking = [], []
        for step in range(rounds):
            training.append(_seconds(lambda: kid.engine.train(steps)))
            looking.append(_seconds(lambda s=step: events.distributions(s, inspector(s))))
    shares = [100 * look / (train * 100 / steps) for look, train in zip(looking, training, strict=True)]
    return Row("summaries every 100 steps, LeNet b128", shares, 5, at_least=False, unit="%")


def _seconds(action: object) -> float:
    started = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - started


def run() -> list[Row]:
    """Measure."""
    return [checkpoint_call(), summary_cost()]


if __name__ == "__main__":
    for row in run():
        print(row)
