"""The listings of the paper's sections 3.2.1 and 3.3, as near verbatim as Python allows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from paper.mnist_files import write_mnist

# Deviations from the paper: `kid = Kid(...)` where it prints `s = Kid(...)` but goes on with `kid` (an erratum);
# fewer images, so that the test is quick; the run directory, which the paper leaves to the library; a last line.
MNIST = """\
from akid import AKID_DATA_PATH
from akid import FeedSensor
from akid import Kid
from akid import MomentumKongFu
from akid import MNISTFeedSource

from akid.models.brains import LeNet

brain = LeNet(name="Brain")
source = MNISTFeedSource(
    name="Source",
    url='http://yann.lecun.com/exdb/mnist/',
    work_dir=AKID_DATA_PATH + '/mnist',
    center=True,
    scale=True,
    num_train=500,
    num_val=100)

sensor = FeedSensor(name='Sensor', source_in=source)
kid = Kid(sensor,
          brain,
          MomentumKongFu(name="Kongfu"),
          max_steps=100,
          log_dir="log")
kid.setup()

loss = kid.practice()
print("loss", loss, "step", kid.step, "accuracy", kid.val_evals["accuracy"])
"""


def test_the_mnist_kid_learns(tmp_path: Path):
    write_mnist(tmp_path / "data" / "mnist", train=600, test=50)
    environment = {"AKID_DATA_PATH": str(tmp_path / "data"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", MNIST], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    _, loss, _, step, _, accuracy = done.stdout.splitlines()[-1].split()
    assert int(step) == 100
    assert float(loss) < 0.5
    assert float(accuracy) > 0.9


def test_the_kid_of_data_parallelism_takes_its_arguments(tmp_path: Path):
    from akid import DataParallelEngine, DigitsSource, LearningRateScheme, MomentumKongFu, Sensor, kids
    from akid.models.brains import OneLayerBrain

    # Deviation: a log_dir of the test. tests/engines shows that two devices learn what one learns.
    kid = kids.Kid(
        Sensor(DigitsSource()),
        OneLayerBrain(),
        MomentumKongFu(lr_scheme={"name": LearningRateScheme.placeholder}),
        engine={"name": "data_parallel", "num_gpu": 2},
        log_dir=tmp_path / "log",
        max_epoch=200,
    )

    def set_lr(kid):
        kid.kongfu.set_lr(0.01 if kid.epoch < 100 else 0.001)

    kid.hooks.on_train_begin.append(set_lr)
    assert (kid.max_epoch, kid.max_steps) == (200, None)
    assert isinstance(kid.engine, DataParallelEngine)
    assert kid.engine.num_gpu == 2
