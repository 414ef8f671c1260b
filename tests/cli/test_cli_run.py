"""``akid run`` as a user runs it: processes, exit codes, what they print and leave behind."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.files import BLOCKS, MODULE, SCRIPT, write

from akid.cli import main
from akid.runs.run_dir import RunDir

ENDLESS = ["--set", "spec.kid.max_steps=1000000000", "--set", "spec.kid.train_log_step=1"]


def akid(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "akid", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_a_run_leaves_its_results_and_a_second_one_goes_on(tmp_path):
    file = write(tmp_path)
    first = akid("run", file, cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    *records, summary, where = first.stdout.splitlines()
    assert summary.startswith("tiny: step 20, validation loss ")
    assert ", validation accuracy " in summary
    assert where == "results: runs/tiny"
    assert json.loads(records[-1])["kind"] == "val"
    result = json.loads((tmp_path / "runs/tiny/result.json").read_text())
    assert (result["step"], result["reason"]) == (20, "max_steps")

    second = akid("run", file, "--set", "spec.kid.max_steps=30", cwd=tmp_path)
    assert second.returncode == 0
    assert second.stdout.splitlines()[-2].startswith("tiny: step 30, ")
    assert json.loads((tmp_path / "runs/tiny/result.json").read_text())["step"] == 30


def test_a_tensorboard_of_a_cluster_is_a_command_here(tmp_path):
    file = write(tmp_path, BLOCKS + "  volumes: {log: {claimName: runs}}\n  tensorboard: {}\n")
    done = akid("run", file, cwd=tmp_path)
    told = "spec.tensorboard is for a cluster; here: tensorboard --logdir runs/tiny/events\n"
    assert (done.returncode, done.stderr) == (0, told)
    assert list((tmp_path / "runs/tiny/events").iterdir())


def test_a_reader_that_goes_away_after_a_line_costs_no_run(tmp_path):
    command = [sys.executable, "-m", "akid", "run", write(tmp_path), "--set", "spec.kid.train_log_step=1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        assert run.stderr
        run.stdout.readline()
        run.stdout.close()  # akid run FILE | head -1
        assert (run.wait(120), run.stderr.read()) == (0, b"")
    assert json.loads((tmp_path / "runs/tiny/result.json").read_text())["step"] == 20


def test_an_export_that_cannot_be_written_is_one_line_and_code_1(tmp_path, capsys):
    file = write(tmp_path)
    assert main(["run", file, "--log-dir", str(tmp_path / "run")]) == 0
    (tmp_path / "taken").write_text("")
    assert main(["export", str(tmp_path / "run"), "--output", str(tmp_path / "taken" / "export")]) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    assert problem.startswith(f"akid: The export cannot be written to {tmp_path / 'taken'}")


@pytest.mark.parametrize(
    ("number", "code", "reason"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_signal_ends_a_run_with_a_checkpoint(number, code, reason, tmp_path):
    command = [sys.executable, "-m", "akid", "run", write(tmp_path), "--log-dir", "run", *ENDLESS]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in errors
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["reason"] == reason
    assert f"{result['step']}" in " ".join(p.name for p in (tmp_path / "run/checkpoints").iterdir())


def test_user_code_that_raises_ends_with_its_traceback_and_code_1(tmp_path):
    broken = SCRIPT.replace("          sensor = Sensor", "          width = 1 / 0\n          sensor = Sensor")
    done = akid("run", write(tmp_path, broken), cwd=tmp_path)
    assert done.returncode == 1
    assert "width = 1 / 0" in done.stderr
    assert done.stderr.splitlines()[-1] == "akid: spec.kid.script: ZeroDivisionError: division by zero"


def run(file: str, log_dir: Path, *settings: str, fresh: bool = False) -> int:
    options = [a for s in ("spec.kid.max_steps=5", *settings) for a in ("--set", s)]
    return main(["run", file, "--log-dir", str(log_dir), *options, *(["--fresh"] if fresh else [])])


def test_the_run_directory_of_another_kid_is_refused_unless_fresh(tmp_path, capsys):
    file, log_dir = write(tmp_path), tmp_path / "run"
    assert run(file, log_dir) == 0
    other = "spec.kid.brain.blocks[0].out_channel_num=3"
    assert run(file, log_dir, other) == 2
    assert capsys.readouterr().err == (
        f"akid: spec.kid.brain.blocks[0].out_channel_num: differs from the kid that runs in {log_dir}; a run goes"
        " on with the kid it began with. Use another --log-dir, or --fresh to begin anew.\n"
    )
    assert run(file, log_dir, other, fresh=True) == 0
    assert "tiny: step 5, " in capsys.readouterr().out


def test_a_run_whose_checkpoints_cannot_be_read_is_kept_unless_fresh(tmp_path, capsys):
    file, log_dir = write(tmp_path), tmp_path / "run"
    assert run(file, log_dir) == 0
    for index in log_dir.rglob("variables.index"):
        index.write_bytes(b"")
    before = (log_dir / "metrics.jsonl").read_text()
    capsys.readouterr()
    assert run(file, log_dir) == 2
    error = capsys.readouterr().err
    assert f"akid: None of the checkpoints in {log_dir}/checkpoints can be read; nothing was changed." in error
    assert (log_dir / "metrics.jsonl").read_text() == before
    assert run(file, log_dir, fresh=True) == 0


def test_fresh_keeps_the_old_run_if_the_new_kid_is_invalid(tmp_path):
    file, log_dir = write(tmp_path), tmp_path / "run"
    assert run(file, log_dir) == 0
    result = (log_dir / "result.json").read_text()
    assert run(file, log_dir, "spec.kid.brain.blocks[4].class_num=11", fresh=True) == 2
    assert (log_dir / "result.json").read_text() == result


def test_a_kid_that_never_trained_does_not_bind_its_directory(tmp_path):
    file, log_dir = write(tmp_path), tmp_path / "run"
    assert run(file, log_dir, "spec.kid.brain.blocks[4].class_num=11") == 2
    assert run(file, log_dir) == 0


def test_fresh_leaves_files_that_are_not_of_the_run(tmp_path):
    log_dir = tmp_path / "run"
    assert run(write(tmp_path), log_dir) == 0
    (log_dir / "notes.txt").write_text("mine")
    assert run(write(tmp_path), log_dir, fresh=True) == 0
    assert (log_dir / "notes.txt").read_text() == "mine"


def test_a_loss_that_is_not_finite_is_one_line_and_code_1(tmp_path, capsys):
    assert run(write(tmp_path), tmp_path / "run", "spec.kid.kongfu.lr_scheme=1e38") == 1
    assert capsys.readouterr().err.startswith("akid: The loss became ")


def test_a_measure_that_is_not_measured_is_told_before_training(tmp_path, capsys):
    assert run(write(tmp_path), tmp_path / "run", "spec.kid.best_metric=accuracyy") == 2
    captured = capsys.readouterr()
    assert captured.err == (
        "akid: spec.kid.best_metric: best_metric: validation has no measure 'accuracyy'."
        " Did you mean 'accuracy'?\n"
    )
    assert captured.out == ""


def test_a_script_runs(tmp_path, capsys):
    assert run(write(tmp_path, SCRIPT), tmp_path / "run") == 0
    assert "scripted: step 5, validation loss " in capsys.readouterr().out


def test_a_script_that_sets_its_kid_up_is_told_where_and_how_long_like_any(tmp_path, capsys):
    text = SCRIPT.replace("          return Kid(", "          kid = Kid(") + (
        "          kid.setup()\n          return kid\n    max_steps: 7\n"
    )
    assert main(["run", write(tmp_path, text), "--log-dir", str(tmp_path / "run")]) == 0
    assert "scripted: step 7, validation loss " in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "result.json").read_text())["step"] == 7


def test_a_module_of_the_current_directory_runs_with_its_params(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "kids_of_a_test.py").write_text(
        "from akid import Brain, DigitsSource, Kid, Sensor\n"
        "from akid.layers import InnerProductLayer, SoftmaxWithLossLayer\n\n"
        "def small(width):\n"
        "    brain = Brain().attach(InnerProductLayer(width), SoftmaxWithLossLayer(\n"
        "        width, inputs=['ip1', {'name': 'system_in', 'idxs': [1]}]))\n"
        "    return Kid(Sensor(DigitsSource()), brain, max_steps=1)\n"
    )
    file = write(tmp_path, MODULE.replace("MODULE", "kids_of_a_test"))
    assert run(file, tmp_path / "run") == 0
    assert "packaged: step 5, validation loss " in capsys.readouterr().out


def test_a_declared_kid_trains_as_the_same_kid_in_python(tmp_path, capsys):
    from akid import Brain, DigitsSource, Kid, MomentumKongFu, PadJoker, Sensor
    from akid.layers import (
        ConvolutionLayer,
        InnerProductLayer,
        PoolingLayer,
        ReLULayer,
        SoftmaxWithLossLayer,
    )

    assert main(["run", write(tmp_path, BLOCKS), "--log-dir", str(tmp_path / "declared")]) == 0
    brain = Brain().attach(
        ConvolutionLayer([3, 3], out_channel_num=2, name="conv1"),
        ReLULayer(name="relu1"),
        PoolingLayer(4, name="pool1"),
        InnerProductLayer(10, name="ip1"),
        SoftmaxWithLossLayer(
            10, name="loss", inputs=[{"name": "ip1", "idxs": [0]}, {"name": "system_in", "idxs": [1]}]
        ),
    )
    sensor = Sensor(DigitsSource(num_val=300), 32, jokers=[PadJoker([2, 2])])
    kongfu = MomentumKongFu({"name": "exp_decay", "base_lr": 0.05, "decay_steps": 100})
    kid = Kid(sensor, brain, kongfu, max_steps=20, log_dir=tmp_path / "python", progress=False)
    kid.practice()
    losses = [
        json.loads((tmp_path / form / "result.json").read_text())["val_loss"] for form in ("declared", "python")
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("size", [10, 200, 20_000], ids=["the first file", "events", "a later file"])
def test_a_disk_that_is_full_is_one_line_and_code_1(tmp_path, size):
    # Files that cannot grow stand for it: no root is needed.
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    settings = ["--set", "spec.kid.train_log_step=1", "--set", "spec.kid.max_steps=2000"]
    command = [sys.executable, "-m", "akid", "run", write(tmp_path), *settings]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_runs_do_not_share_a_directory(tmp_path, capsys):
    file, log_dir = write(tmp_path), tmp_path / "run"
    with RunDir(log_dir).alone():
        assert run(file, log_dir) == 1
    assert "Another process practises in" in capsys.readouterr().err
    assert run(file, log_dir) == 0, "what held it is gone"


@pytest.mark.parametrize("text", ["{", "3", "\x00"])
@pytest.mark.parametrize("name", ["kid.yaml", "runtime.json"])
def test_a_damaged_file_of_a_run_is_named_in_one_line(tmp_path, capsys, name, text):
    file, log_dir = write(tmp_path), tmp_path / "run"
    assert run(file, log_dir) == 0
    (log_dir / name).write_text(text)
    capsys.readouterr()
    assert run(file, log_dir) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{log_dir / name} is damaged: " in line
