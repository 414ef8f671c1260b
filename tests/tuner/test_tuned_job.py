"""`spec.tune` on this machine: the trials are those of the function that a cluster uses, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.waiting import wait_for

from akid.cli import main
from akid.errors import InvalidSpecError
from akid.job import AkidJob, load_mapping, parse
from akid.job.api.engine import Engine
from akid.job.trials import trial_name, trials_of
from akid.job.tuning.manifests import trial_job
from akid.tuner import Proposal
from akid.tuner.command import different, validated
from akid.tuner.devices import Devices
from akid.tuner.job import JobStrategy, job_of_trial, size_of, tune_job

EXAMPLE = Path(__file__).parents[2] / "examples" / "jobs" / "digits-tune.yaml"
KID = {
    "sensor": {"source": {"type": "DigitsSource", "num_val": 100}, "batch_size": 32},
    "brain": {"type": "OneLayerBrain"},
    "kongfu": {"type": "{{ net_paras.kongfu }}", "lr_scheme": "{{ opt_paras.lr }}"},
    "max_steps": 4,
}
GOOD, BAD = {"kongfu": "MomentumKongFu"}, {"kongfu": "NoSuchKongFu"}


def manifest(tune: dict[str, Any], **kid: Any) -> dict[str, Any]:
    """A job that is tuned."""
    head = {"apiVersion": "akid.dev/v1alpha1", "kind": "AkidJob", "metadata": {"name": "tuned"}}
    return {**head, "spec": {"kid": {**KID, **kid}, "tune": tune}}


def job_of(tune: dict[str, Any], **kid: Any) -> AkidJob:
    """The same, read."""
    return parse(manifest(tune, **kid))


def written(path: Path, tune: dict[str, Any], **kid: Any) -> str:
    """The same in a file."""
    path.write_text(yaml.safe_dump(manifest(tune, **kid)))
    return str(path)


@pytest.mark.parametrize(
    "tune",
    [
        {"netParas": [GOOD, BAD], "optParas": [{"lr": 0.1}, {"lr": 1.0}], "repeats": 2},
        {"random": {"trials": 5, "seed": 3, "netParas": {"kongfu": ["A", "B"]},
                    "optParas": {"lr": {"low": 0.001, "high": 0.1, "log": True}, "b": {"low": 0.0, "high": 2}}}},
    ],
    ids=["grid", "random"],
)  # fmt: skip
def test_the_trials_are_those_of_a_cluster(tune: dict[str, Any]) -> None:
    job = job_of(tune)
    assert job.spec.tune is not None
    proposed = list(iter(JobStrategy(job.spec.tune, 1).propose, None))
    expected = trials_of(job.spec.tune)
    assert [proposal.params for proposal in proposed] == [trial.params for trial in expected]
    for trial in expected:
        here, there = job_of_trial(job, trial), trial_job(manifest(tune), job, trial)
        assert here["spec"] == there["spec"]
        assert here["metadata"]["name"] == there["metadata"]["name"] == trial_name("tuned", trial.number)


def test_a_file_runs_here_and_what_is_done_is_not_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "job.yaml", {"netParas": [GOOD, BAD], "optParas": [{"lr": 0.1}], "parallelism": 2})
    runs = tmp_path / "runs"
    assert main(["run", file, "--log-dir", str(runs)]) == 0
    said = capsys.readouterr().out
    assert "there is no kongfu called 'NoSuchKongFu'" in said
    assert "tuned: the best is trial 0, val_loss" in said
    assert {"results.csv", "bars.png", "parallel_coordinates.png"} <= {path.name for path in runs.iterdir()}
    job = parse(load_mapping(Path(file)))
    assert job.spec.tune is not None
    for trial in trials_of(job.spec.tune):
        made = yaml.safe_load((runs / f"trial-{trial.number:04d}" / "job.yaml").read_text())
        assert made == job_of_trial(job, trial)
    first = (runs / "trial-0000" / "result.json").stat().st_mtime_ns
    again = written(tmp_path / "job.yaml", {"netParas": [GOOD, BAD], "optParas": [{"lr": 0.1}]})
    assert main(["run", again, "--log-dir", str(runs)]) == 0
    assert (runs / "trial-0000" / "result.json").stat().st_mtime_ns == first
    other = written(tmp_path / "job.yaml", {"netParas": [GOOD], "optParas": [{"lr": 0.2}]})
    assert main(["run", other, "--log-dir", str(runs)]) == 2
    assert "trial-0000 has other parameters" in capsys.readouterr().err


def test_terminated_and_run_again_it_goes_on(tmp_path: Path) -> None:
    file = written(tmp_path / "job.yaml", {"optParas": [{"lr": 0.1}], "netParas": [GOOD]}, max_steps=10**7)
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "akid", "run", file, "--log-dir", str(runs)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        metrics = runs / "trial-0000" / "metrics.jsonl"
        wait_for(lambda: metrics.exists() and metrics.stat().st_size > 0, "it measures something", timeout=120)
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 143
    step = json.loads((runs / "trial-0000" / "result.json").read_text())["step"]
    more = {**KID, "max_steps": step + 3}
    (runs / "tuning.json").write_text(json.dumps({"setup": more}))
    file = written(tmp_path / "job.yaml", {"optParas": [{"lr": 0.1}], "netParas": [GOOD]}, max_steps=step + 3)
    assert main(["run", file, "--log-dir", str(runs)]) == 0
    assert json.loads((runs / "trial-0000" / "result.json").read_text())["step"] == step + 3


def test_with_too_many_failures_no_more_are_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tune = {"netParas": [BAD], "optParas": [{"lr": 0.1}, {"lr": 0.2}], "maxFailedTrials": 0}
    assert main(["run", written(tmp_path / "job.yaml", tune), "--log-dir", str(tmp_path / "runs")]) == 1
    told = capsys.readouterr().err
    assert "1 trials failed, more than spec.tune.maxFailedTrials, 0. Trial 0: " in told
    assert not (tmp_path / "runs" / "trial-0001").exists()


def test_a_template_that_cannot_be_filled_in_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecError, match=r"spec.kid.kongfu.lr_scheme: .*no attribute 'lr'"):
        tune_job(job_of({"netParas": [GOOD], "optParas": [{"l": 0.1}]}), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_mistake_of_one_trial_is_told_with_its_parameters() -> None:
    job = job_of({"netParas": [GOOD, BAD], "optParas": [{"lr": 0.1}]})
    with pytest.raises(InvalidSpecError, match=r"(?s)spec.kid.kongfu.type: .*In trial 1: .*NoSuchKongFu") as told:
        validated(job)
    assert told.value.path == "spec.kid.kongfu.type"


def test_only_trials_with_something_new_are_built() -> None:
    job = job_of({"netParas": [{"n": 1}, {"n": 2}], "optParas": [{"lr": 1}, {"lr": 2}, {"lr": 3}], "repeats": 2})
    assert job.spec.tune is not None
    chosen = different(trials_of(job.spec.tune))
    assert [(t.net_paras["n"], t.opt_paras["lr"]) for t in chosen] == [(1, 1), (2, 1), (1, 2), (1, 3)]


def test_the_example_is_valid_and_every_trial_of_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(EXAMPLE)]) == 0
    assert "valid (6 trials)" in capsys.readouterr().out
    assert main(["render", str(EXAMPLE)]) == 0
    shown = list(yaml.safe_load_all(capsys.readouterr().out))
    settings = [
        (job["spec"]["kid"]["brain"]["hidden"], job["spec"]["kid"]["kongfu"]["lr_scheme"]) for job in shown
    ]
    assert settings == [(hidden, lr) for lr in (0.005, 0.05, 0.2) for hidden in ([32], [64, 32])]


def strategy(**rule: Any) -> JobStrategy:
    """Of eight trials, with an early stopping."""
    job = job_of({"optParas": [{"lr": n} for n in range(8)], "netParas": [GOOD], "earlyStopping": rule})
    assert job.spec.tune is not None
    return JobStrategy(job.spec.tune, 1)


def test_a_trial_below_the_median_of_those_that_succeeded_is_stopped() -> None:
    made = strategy(minTrials=2, startStep=2)
    for number, losses in enumerate([(1.0, 0.5), (0.8, 0.4)]):
        for step, loss in enumerate(losses, 1):
            assert not made.hopeless(number, step, loss)
        made.finished(number, min(losses))
    assert not made.hopeless(2, 1, 5.0)  # before the first step of the rule
    assert made.hopeless(2, 2, 5.0)
    assert not made.hopeless(3, 2, 0.6)


def test_a_trial_that_was_stopped_or_failed_is_no_measure_for_others() -> None:
    made = strategy(minTrials=1)
    made.hopeless(0, 1, 0.1)
    made.finished(0, 0.1, pruned=True)
    made.hopeless(1, 1, 0.1)
    made.finished(1, None)
    assert not made.hopeless(2, 1, 5.0)


def test_an_earlier_call_may_have_had_another_parallelism() -> None:
    made = strategy()
    assert made.recall(Proposal(GOOD, {"lr": 0}, 0, size=7)) == Proposal(GOOD, {"lr": 0}, 0, size=1)
    assert made.recall(Proposal(GOOD, {"lr": 5}, 0, size=1)) is None


@pytest.mark.parametrize(
    ("engine", "gpu", "parallelism", "size"),
    [
        ({}, True, 2, 1),
        ({"name": "data_parallel", "num_gpu": 2}, True, 2, 2),
        ({"name": "multi_worker", "workers": 2, "gpusPerWorker": 2}, True, 1, 4),
        ({}, False, 2, 4),
        ({"name": "multi_worker", "workers": 2}, False, 3, 2),
        ({}, False, 100, 1),
    ],
    ids=["gpu", "gpus", "workers", "cpus", "shared", "many"],
)
def test_a_trial_takes_its_gpus_or_its_share_of_the_cpus(
    engine: dict[str, Any], gpu: bool, parallelism: int, size: int
) -> None:
    devices = Devices([str(number) for number in range(8)], gpu)
    assert size_of(Engine.model_validate(engine), devices, parallelism) == size
