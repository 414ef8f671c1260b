"""Every example runs: the modules on a few steps, the jobs by the command."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.cli import main

ROOT = Path(__file__).parents[2]
#: Its setup is a template.
TEMPLATES = ["tune_digits"]
MODULES = sorted(p.stem for p in (ROOT / "examples").glob("*.py") if p.stem not in TEMPLATES)
JOBS = sorted(p.stem for p in (ROOT / "examples" / "jobs").glob("*.yaml"))
SEVERAL_MEMBERS = ["digits-elastic", "digits-multiworker", "digits-ps"]
#: Their engine must be made before anything else runs in TensorFlow.
OWN_PROCESS = ["digits-dataparallel"]
#: How many trials they have; docs/tuning.md runs them.
TUNED = {"digits-tune": 6}


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    """The examples are run from the root of the repository."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.parametrize("name", MODULES)
def test_an_example_trains_and_predicts(name, tmp_path):
    kid = importlib.import_module(f"examples.{name}").setup(max_steps=3)
    kid.log_dir, kid.show_progress = tmp_path, False
    assert math.isfinite(kid.practice())
    images = kid.sensor.batch(0, "val")[0]
    assert kid.predict(images)


def test_residual_units_are_brains_in_a_brain():
    kid = importlib.import_module("examples.residual_unit").setup(max_steps=1, units=1, channels=4)
    names = [name for name, _ in kid.brain.named_blocks()]
    assert [n for n in names if n.startswith("unit1/")][-2:] == ["unit1/conv2", "unit1/merge"]


def test_the_feedback_network_differs_from_the_one_without(tmp_path):
    losses = []
    for steps in (2, 3):
        kid = importlib.import_module("examples.feedback").setup(max_steps=2, time_steps=steps)
        kid.log_dir, kid.show_progress = tmp_path / str(steps), False
        losses.append(kid.practice())
    assert losses[0] != losses[1]


def test_two_losses_are_both_measured(tmp_path):
    kid = importlib.import_module("examples.two_losses").setup(max_steps=2)
    kid.log_dir, kid.show_progress = tmp_path, False
    _, measures = kid.practice(return_eval=True)
    assert set(measures) == {"digit/accuracy", "parity/accuracy"}
    inferred = kid.predict(kid.sensor.batch(0, "val")[0])
    assert (inferred["digit"].shape[1], inferred["parity"].shape[1]) == (10, 2)


def test_the_trunk_learns_from_both_losses(tmp_path):
    kid = importlib.import_module("examples.two_losses").setup(max_steps=1)
    kid.log_dir, kid.show_progress = tmp_path, False
    kid.setup()
    gradients = {}
    for name in ("digit", "parity", None):
        trip = Trip(training=True)
        with tf.GradientTape() as tape:
            kid.brain(kid.sensor.batch(0), trip)
            loss = trip.losses[name] if name else trip.total_loss
        gradients[name] = tape.gradient(loss, kid.brain["ip/weights"]).numpy()
    assert abs(gradients["digit"]).max() > 0
    assert abs(gradients["parity"]).max() > 0
    np.testing.assert_allclose(gradients[None], gradients["digit"] + gradients["parity"], rtol=1e-4, atol=1e-6)


def test_the_hook_halves_the_rate():
    from examples.placeholder_lr import HalveOnPlateau

    class FakeKid:
        val_loss = 1.0

        class kongfu:  # noqa: N801
            rates: list[float] = []  # noqa: RUF012

            @classmethod
            def set_lr(cls, value):
                cls.rates.append(value)

    hook, kid = HalveOnPlateau(0.2), FakeKid()
    for kid.val_loss in (1.0, 0.5, 0.6, 0.4):
        hook(kid)
    assert FakeKid.kongfu.rates == [0.2, 0.2, 0.1, 0.1]


def test_a_client_of_the_server_is_told_what_the_kid_predicts(tmp_path):
    serving = importlib.import_module("examples.serve_digits")
    kid = serving.setup(max_steps=3)
    kid.log_dir, kid.show_progress = tmp_path / "run", False
    kid.practice()
    kid.export(tmp_path / "models" / "1")
    images = kid.sensor.batch(0, "val")[0][:3].numpy()
    with serving.served(tmp_path / "models") as address:
        told = serving.ask(address, images)
    np.testing.assert_allclose(told, kid.predict(images)["loss"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_valid(name, capsys):
    file = f"examples/jobs/{name}.yaml"
    assert main(["validate", file]) == 0
    trials = f" ({TUNED[name]} trials)" if name in TUNED else ""
    assert capsys.readouterr().out == f"{file}: valid{trials}\n"


@pytest.mark.parametrize("name", sorted({*JOBS} - {*SEVERAL_MEMBERS, *OWN_PROCESS, *TUNED}))
def test_a_job_runs(name, tmp_path, capsys):
    few = ["--set", "spec.kid.max_steps=2"]
    assert main(["run", f"examples/jobs/{name}.yaml", "--log-dir", str(tmp_path), *few]) == 0
    assert "step 2, validation loss " in capsys.readouterr().out


@pytest.mark.parametrize("name", OWN_PROCESS)
def test_a_job_for_several_devices_runs(name, tmp_path):
    few = ["--set", "spec.kid.max_steps=2", "--log-dir", str(tmp_path)]
    command = [sys.executable, "-m", "akid", "run", f"examples/jobs/{name}.yaml", *few]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "step 2, validation loss " in run.stdout


@pytest.mark.parametrize("name", SEVERAL_MEMBERS)
def test_a_job_of_several_members_runs(name, tmp_path, capsys):
    few = ["--set", "spec.kid.max_steps=2"]
    assert main(["run", f"examples/jobs/{name}.yaml", "--log-dir", str(tmp_path), *few]) == 0
    assert "step 2, validation loss " in capsys.readouterr().out
    assert len(list((tmp_path / "events").iterdir())) == 1, "the chief writes events for all"
