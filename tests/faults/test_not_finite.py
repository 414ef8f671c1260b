"""What is not finite in one member alone: nobody saves it, and all end at the same step."""

from __future__ import annotations

from runner.stubs import logs, run

from akid.runs.checkpoint_files import committed, step_of

#: At step 20 of 40, when a checkpoint is due, worker-1 finds NaN in a parameter that nobody else sees.
JOB = """\
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: poisoned}
spec:
  engine: {name: multi_worker, workers: 2}
  kid:
    script: |
      import json, os
      from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
      from akid.layers import InnerProductLayer, SoftmaxWithLossLayer

      def poison(kid):
          if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1 and kid.step == 20:
              parameter = next(iter(kid.brain.parameters.values()))
              parameter.assign(parameter.value() * float("nan"))

      def setup():
          brain = Brain("poisoned").attach(
              InnerProductLayer(10, name="ip1"),
              SoftmaxWithLossLayer(10, inputs=["ip1", {"name": "system_in", "idxs": [1]}], name="loss"),
          )
          steps = {"max_steps": 40, "train_log_step": 10, "checkpoint_step": 10}
          kid = Kid(Sensor(DigitsSource(), batch_size=32), brain, MomentumKongFu(0.05), **steps)
          kid.hooks.on_train_log.append(poison)
          return kid
"""


def test_all_members_end_with_the_same_error(tmp_path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    done = run(file)
    assert done.returncode == 1
    assert "A parameter is not finite at step 20. The last checkpoint before it is" in done.stderr
    said = [line for text in logs(file).values() for line in text.splitlines() if line.startswith("akid: ")]
    # The first one to end ends the job, and may end the other before that has said so.
    assert len(said) in (1, 2)
    assert len(set(said)) == 1
    assert [step_of(path) for path in committed(tmp_path / "run/checkpoints")] == [10]
