"""Manifests for the tests of the commands."""

from __future__ import annotations

from pathlib import Path

#: A Kid that learns the bundled digits in milliseconds, its brain a list of blocks.
BLOCKS = """\
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: tiny}
spec:
  kid:
    sensor:
      source: {type: DigitsSource, num_val: 300}
      batch_size: 32
      jokers:
        - {type: PadJoker, padding: [2, 2]}
    brain:
      blocks:
        - {type: ConvolutionLayer, name: conv1, ksize: [3, 3], out_channel_num: 2}
        - {type: ReLULayer, name: relu1}
        - {type: PoolingLayer, name: pool1, ksize: 4}
        - {type: InnerProductLayer, name: ip1, out_channel_num: 10}
        - type: SoftmaxWithLossLayer
          name: loss
          class_num: 10
          inputs: [{name: ip1, idxs: [0]}, {name: system_in, idxs: [1]}]
    kongfu: {type: MomentumKongFu, lr_scheme: {name: exp_decay, base_lr: 0.05, decay_steps: 100}}
    max_steps: 20
"""

#: The same data, a Kid in Python.
SCRIPT = """\
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: scripted}
spec:
  kid:
    params: {net_paras: {width: 10, label: text}, opt_paras: {lr: 0.05}}
    script: |
      from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor
      from akid.layers import InnerProductLayer, SoftmaxWithLossLayer

      def setup():
          brain = Brain(name={{ net_paras["label"] }})
          brain.attach(
              InnerProductLayer({{ net_paras["width"] }}, name="ip1"),
              SoftmaxWithLossLayer(10, inputs=["ip1", {"name": "system_in", "idxs": [1]}], name="loss"),
          )
          sensor = Sensor(DigitsSource(), batch_size=32)
          return Kid(sensor, brain, MomentumKongFu(lr_scheme={{ opt_paras["lr"] }}), max_steps=20)
"""

#: A Kid of a module in the current directory.
MODULE = """\
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: packaged}
spec:
  kid:
    params: {width: 10}
    module: MODULE:small
    max_steps: 5
"""


def write(directory: Path, text: str = BLOCKS, name: str = "job.yaml") -> str:
    """The path of a manifest with this text."""
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return str(file)
