"""Tuning with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.waiting import wait_for

from akid import tune
from akid.errors import AkidError, DataError, InvalidSpecError
from akid.tuner import Status

KID = {
    "sensor": {"source": {"type": "DigitsSource", "num_val": 100}, "batch_size": 32},
    "brain": {"type": "OneLayerBrain"},
    "kongfu": {"type": "{{ net_paras.kongfu }}", "lr_scheme": "{{ opt_paras.lr }}"},
    "max_steps": 4,
}
NETS = [{"kongfu": "MomentumKongFu"}, {"kongfu": "NoSuchKongFu"}]
SLOW = """
import pathlib, time
from akid import tune
from akid.errors import AkidError
KID = %r
if __name__ == "__main__":
    tune(KID, [{"lr": 0.1}], log_dir=%r, net_paras_list=[{"kongfu": "MomentumKongFu"}], max_steps=10**7)
"""


def test_a_declarative_kid_is_tuned_and_a_failure_stops_nobody(tmp_path):
    result = tune(KID, [{"lr": 0.1}], NETS, 2, log_dir=tmp_path, progress=False)
    assert [t.status for t in result.trials] == [Status.SUCCEEDED, Status.FAILED] * 2
    assert "there is no kongfu called 'NoSuchKongFu'" in result.trials[1].error
    assert result.trials[0].step == 4
    assert result.trials[0].best != result.trials[2].best  # a repetition has another seed
    assert result.best in (result.trials[0], result.trials[2])
    job = (result.trials[2].log_dir / "job.yaml").read_text()
    assert "seed: 1" in job
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("trial-*/result.json")}
    again = tune(KID, [{"lr": 0.1}], NETS, 2, log_dir=tmp_path, progress=False)
    assert before == {p: p.stat().st_mtime_ns for p in before}, "what is done is not done again"
    told = [(t.status, t.best, t.error) for t in result.trials]
    assert [(t.status, t.best, t.error) for t in again.trials] == told
    with pytest.raises(DataError, match=r"trial-0000 has other parameters.*fresh=True"):
        tune(KID, [{"lr": 0.2}], NETS, 2, log_dir=tmp_path, progress=False)
    with pytest.raises(DataError, match=r"another setup or max_steps.*fresh=True"):
        tune(KID, [{"lr": 0.1}], NETS, 2, log_dir=tmp_path, progress=False, max_steps=9)


def test_what_cannot_work_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(InvalidSpecError, match=r"setup.kongfu.lr_scheme: .*no attribute 'lr'"):
        tune(KID, [{"l": 0.1}], NETS[:1], log_dir=tmp_path)
    with pytest.raises(DataError, match="gpu_num_per_instance must be at most"):
        tune(KID, [{"lr": 0.1}], NETS[:1], gpu_num_per_instance=4096, log_dir=tmp_path)
    with pytest.raises(AkidError, match="opt_paras_list must be a list of dicts"):
        tune(KID, {"lr": 0.1}, NETS[:1], log_dir=tmp_path)
    with pytest.raises(InvalidSpecError, match="setup: line 3: the template is wrong"):
        tune("def setup():\n\n    return {{ opt_paras[ }}\n", [{}], log_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_interrupted_and_called_again_it_goes_on_where_it_was(tmp_path):
    log_dir = tmp_path / "runs"
    script = tmp_path / "slow.py"
    script.write_text(SLOW % (KID, str(log_dir)))
    trial = log_dir / "trial-0000"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE) as process:
        metrics = trial / "metrics.jsonl"
        wait_for(lambda: metrics.exists() and metrics.stat().st_size > 0, "it measures something", timeout=90)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode != 0
    assert json.loads((trial / "trial.json").read_text())["status"] == "interrupted"
    told = json.loads((trial / "result.json").read_text())
    assert told["reason"] == "terminated"
    (log_dir / "tuning.json").write_text(json.dumps({"setup": {**KID, "max_steps": told["step"] + 3}}))
    result = tune(
        KID, [{"lr": 0.1}], NETS[:1], log_dir=log_dir, max_steps=told["step"] + 3, progress=False
    )  # fmt: skip
    assert result.trials[0].status is Status.SUCCEEDED
    assert json.loads((trial / "result.json").read_text())["step"] == told["step"] + 3


def test_the_example_leaves_a_table_and_pictures(tmp_path, monkeypatch, capsys):
    root = Path(__file__).parents[2]
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    import importlib

    importlib.import_module("examples.tune_digits").main(str(tmp_path), max_steps=2)
    said = capsys.readouterr().out
    assert said.count("succeeded") == 8  # a line for each, and a row
    assert "best: trial" in said
    assert {"results.csv", "bars.png", "parallel_coordinates.png"} <= {p.name for p in tmp_path.iterdir()}
