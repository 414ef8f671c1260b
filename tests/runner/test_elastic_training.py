"""An elastic job with TensorFlow: workers come and go, and the result is that of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trainer.members import told

#: float32 rounding, since sums over the batch are made in another order, over the steps of the run.
ROUNDING = 2e-6
STEPS = 240
#: The chief scales its own run at some steps, and makes few of them until it has the workers it asked for.
JOB = """\
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: elastic}
spec:
  kid:
    script: |
      import json, os, time
      import numpy as np
      from akid import Brain, DigitsSource, Kid, MomentumKongFu, PadJoker, Sensor
      from akid.layers import DropoutLayer, InnerProductLayer, ReLULayer, SoftmaxWithLossLayer
      from akid.runner.control import ask

      PLAN = {40: 2, 100: 3}
      members = len(json.loads(os.environ.get("TF_CONFIG", '{"cluster": {"worker": []}}'))["cluster"]["worker"])

      def scale(kid):
          if not members or not kid.engine.is_chief:
              return
          wanted = [workers for step, workers in PLAN.items() if step <= kid.step]
          if kid.step in PLAN and members != wanted[-1]:
              ask(kid.log_dir, {"workers": wanted[-1]})
          if wanted and members != wanted[-1]:
              time.sleep(0.25)

      def leave(kid):
          values = {n.replace("/", "."): v.numpy() for n, v in kid.brain.named_variables().items()}
          np.savez(kid.log_dir / "learnt.npz", **values)

      def setup():
          brain = Brain().attach(
              InnerProductLayer(16, name="ip1"), ReLULayer(), DropoutLayer(0.3),
              InnerProductLayer(10, name="ip2"),
              SoftmaxWithLossLayer(10, inputs=["ip2", {"name": "system_in", "idxs": [1]}], name="loss"),
          )
          sensor = Sensor(DigitsSource(num_val=100), batch_size=30, jokers=[PadJoker([1, 1])])
          kid = Kid(sensor, brain, MomentumKongFu(0.01), max_steps=240, train_log_step=20, save_chk_point=False)
          kid.hooks.on_batch_begin.append(scale)
          kid.hooks.on_train_end.append(leave)
          return kid
  engine: {name: multi_worker, workers: 4, minWorkers: 2}
"""


def start(directory: Path, text: str) -> subprocess.Popen[str]:
    """`akid run` of a job."""
    directory.mkdir()
    (directory / "job.yaml").write_text(text)
    command = [sys.executable, "-m", "akid", "run", "job.yaml", "--log-dir", "run"]
    patient = os.environ | {"AKID_ELASTIC_GRACE_SECONDS": "120"}  # all four begin, however long it takes
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=directory, env=patient, stdout=pipe, stderr=pipe, text=True)


def last_words(process: subprocess.Popen[str]) -> str:
    """What a run says at its end."""
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return output.splitlines()[-2]


def test_four_to_two_to_three_workers_learn_what_one_process_learns(tmp_path):
    ways = {name: tmp_path / name for name in ("single", "elastic")}
    single = JOB.replace("multi_worker, workers: 4, minWorkers: 2", "single")
    with start(ways["single"], single) as alone, start(ways["elastic"], JOB) as several:
        try:
            last_words(alone)
            summary = last_words(several)
        finally:
            alone.kill()
            several.kill()
    assert summary.startswith(f"elastic: step {STEPS}, ")
    assert summary.endswith("restarts in place 2")  # no step was made twice, and no restart counted
    taken = [line for line in told(ways["elastic"] / "job.yaml", "worker-0") if line.get("holder")]
    assert [line["generation"] for line in taken] == [2, 3]  # nothing is on disk before the end
    here, there = (dict(np.load(directory / "run/learnt.npz")) for directory in ways.values())
    assert list(here) == list(there)
    for name, value in here.items():
        np.testing.assert_allclose(there[name], value, rtol=ROUNDING, atol=ROUNDING, err_msg=name)
    losses = [[line["loss"] for line in records(directory)] for directory in ways.values()]
    assert len(losses[0]) == STEPS / 20
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def records(directory: Path) -> list[dict]:
    """The training losses that were logged."""
    lines = map(json.loads, (directory / "run/metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "train"]
