"""``akid train`` with TensorFlow: a kid of a manifest, its errors, a kill, a zygote."""

from __future__ import annotations

import io
import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.files import BLOCKS, write
from json_lines import json_lines
from runner.stubs import wait_until

from akid.generations import MARKS, newest
from akid.job.objects.observe import STATUS
from akid.trainer import training
from akid.trainer.launch import Zygote

TRAIN = [sys.executable, "-m", "akid", "train"]


def environment(directory: Path, text: str = BLOCKS) -> dict[str, str]:
    """What a pod of one member is told."""
    own = {
        "AKID_KID": write(directory, text),
        "AKID_LOG_DIR": str(directory / "run"),
        "AKID_TERMINATION_LOG": str(directory / "termination-log"),
        "AKID_MEMBERS": "1",
    }
    return {**os.environ, **own}


def test_a_member_practises_the_kid_of_the_manifest(tmp_path):
    subprocess.run(TRAIN, env=environment(tmp_path), timeout=120, check=True, capture_output=True)
    assert json.loads((tmp_path / "run/result.json").read_text())["step"] == 20
    assert (tmp_path / "run/kid.yaml").exists()
    assert json.loads((tmp_path / "termination-log").read_text())["step"] == 20


def test_an_invalid_kid_is_the_last_word(tmp_path):
    env = environment(tmp_path, BLOCKS.replace("ReLULayer", "ReLuLayer"))
    done = subprocess.run(TRAIN, env=env, timeout=120, check=False, capture_output=True)
    assert done.returncode == 2
    assert "Did you mean 'ReLULayer'?" in (tmp_path / "termination-log").read_text()


FAILS = """
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: fails}
spec:
  kid:
    script: |
      from akid import DigitsSource, Kid, Sensor, SGDKongFu
      from akid.models.brains import MLP

      def fail(kid):
          if kid.step == 7:
              raise ValueError("seven")

      def setup():
          kid = Kid(Sensor(DigitsSource(), batch_size=64), MLP(), SGDKongFu(lr_scheme=0.01), max_steps=20)
          kid.hooks.on_batch_begin.append(fail)
          return kid
"""


def test_a_kid_that_fails_leaves_the_reason_and_how_far_it_came(tmp_path):
    done = subprocess.run(TRAIN, env=environment(tmp_path, FAILS), timeout=120, check=False, capture_output=True)
    assert done.returncode == 1
    error, status = (tmp_path / "termination-log").read_text().rsplit("\n", 1)
    assert "seven" in error
    assert status.startswith(STATUS)  # by which it is told from what the program says
    assert json.loads(status)["step"] == 7


class Pieces(io.StringIO):
    """What is written, by calls."""

    def write(self, text: str) -> int:
        self.all = [*getattr(self, "all", []), text]
        return len(text)


def test_the_last_word_is_one_piece_since_the_supervisor_writes_to_the_same_file(monkeypatch):
    monkeypatch.delenv("AKID_KID", raising=False)
    monkeypatch.setattr(sys, "stderr", stream := Pieces())
    assert training.main() == training.INVALID
    (line,) = filter(None, stream.all)
    assert line.startswith("akid: $AKID_KID is not set")
    assert line.endswith("\n")


def test_a_training_process_that_is_killed_goes_on_from_its_checkpoint(tmp_path):
    text = BLOCKS.replace("max_steps: 20", "max_steps: 3000\n    checkpoint_step: 20\n    do_summary: false")
    earlier = tmp_path / "run" / MARKS / "4"  # of a run that went before in this directory
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    log = (tmp_path / "log").open("w+")
    with log, subprocess.Popen(TRAIN, env=environment(tmp_path, text), stderr=log, stdout=log) as process:
        wait_until(lambda: list(tmp_path.glob("run/checkpoints/*")))
        started = [line for line in _records(tmp_path / "log") if "pid" in line]
        os.kill(started[-1]["pid"], signal.SIGKILL)
        assert process.wait(timeout=120) == 0
    assert [line["code"] for line in _records(tmp_path / "log") if "code" in line] == [-9, 0]
    assert json.loads((tmp_path / "run/result.json").read_text())["step"] == 3000
    assert newest(tmp_path / "run") == 6


def _records(path: Path) -> list[dict]:
    return [line for line in json_lines(path.read_text()) if "time" in line]


def test_a_zygote_forks_one_training_process_after_another(tmp_path, monkeypatch):
    ended: queue.SimpleQueue[dict] = queue.SimpleQueue()
    reader, report = os.pipe()
    monkeypatch.setenv("AKID_REPORT_FD", str(report))
    zygote = Zygote([report], lambda event, **facts: ended.put(facts))
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        pid = zygote.start(environment(tmp_path / str(number)))
        assert ended.get(timeout=120) == {"pid": pid, "code": 0}
        assert json.loads((tmp_path / str(number) / "run/result.json").read_text())["step"] == 20
    pid = zygote.start(environment(tmp_path / "1", BLOCKS.replace("max_steps: 20", "max_steps: 1000000000")))
    assert pid is not None
    os.kill(zygote.pid, signal.SIGKILL)
    assert ended.get(timeout=30) == {"pid": pid, "code": -9}
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert zygote.start({}) is None
    zygote.close()
    os.close(reader)
    os.close(report)


@pytest.mark.parametrize("name", ["AKID_KID", "AKID_LOG_DIR"])
def test_a_variable_that_is_missing_is_named(name, tmp_path):
    env = {key: value for key, value in environment(tmp_path).items() if key != name}
    done = subprocess.run(TRAIN, env=env, timeout=120, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"akid: ${name} is not set; `akid train` is started by `akid run` or by the operator." in done.stderr
