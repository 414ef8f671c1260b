"""Forks a process per line of input that practises as the line says; a program of its own, not a test.

Input: ``{"log_dir": ..., "slow": ...}``. Output: the pid of the process, its records, ``{"status": ...}``.
TensorFlow is imported once, before any fork; it is not used before.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from small_kids import blobs

from akid import Brain, Joker, Kid, LearningRateScheme, MomentumKongFu, Sensor
from akid.backend import tf
from akid.layers import (
    BatchNormalizationLayer,
    DropoutLayer,
    InnerProductLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)

STEPS = 240


class NoiseJoker(Joker):
    """Adds noise."""

    def _joke(self, data: Any, trip: Any) -> Any:
        return data + 0.1 * trip.random(tf.shape(data), "normal")


def kid_in(log_dir: str, slow: bool = False, max_steps: int = STEPS) -> Kid:
    """Something random in every part: order, jokers, dropout; and state in every part."""
    brain = Brain("resumable").attach(
        InnerProductLayer(16, name="ip1"),
        BatchNormalizationLayer(name="bn1"),
        ReLULayer(name="relu1"),
        DropoutLayer(0.5, name="drop1"),
        InnerProductLayer(3, name="ip2"),
        SoftmaxWithLossLayer(3, name="loss", inputs=["ip2", {"name": "system_in", "idxs": [1]}]),
    )
    kid = Kid(
        Sensor(blobs(100, 30), batch_size=16, jokers=[NoiseJoker()]),
        brain,
        MomentumKongFu({"name": LearningRateScheme.placeholder, "base_lr": 0.05}),
        max_steps=max_steps,
        log_dir=log_dir,
        train_log_step=7,
        val_log_step=10,
        checkpoint_step=9,
        best_metric="accuracy",
        moving_average_decay=0.9,
        do_summary=False,
        deterministic=True,
        seed=3,
    )
    kid.hooks.on_epoch_end.append(lambda kid: kid.kongfu.set_lr(kid.kongfu.lr_scheme.base_lr * 0.98))
    if slow:
        kid.hooks.on_batch_begin.append(lambda kid: None)  # a call a step
    return kid


def main() -> None:
    """Serve."""
    for line in sys.stdin:
        options = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                kid_in(**options).practice()
            except KeyboardInterrupt:
                os._exit(130)
            except SystemExit as end:
                os._exit(int(end.code or 0))
            os._exit(0)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
