"""The template of the paper's section 3.1.2 as the script of a manifest: what `tune` will fill in."""

from __future__ import annotations

import pytest

from akid.manifests.scripts import kid_of_script, render

NET_PARAS = [
    {"activation": [{"type": "relu"}] * 4, "bn": True},
    {"activation": [{"type": "maxout", "group_size": 2}] * 3 + [{"type": "maxout", "group_size": 5}], "bn": True},
]
OPT_PARAS = [{"lr": 0.025}, {"lr": 0.05}]
# Deviations: the paper never makes `brain` and returns nothing; a setup makes its Kid and returns it.
TEMPLATE = """\
from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor, cnn_block

def setup(graph):
    brain = Brain(name="brain")
    brain.attach(cnn_block(
        ksize=[8, 8],
        init_para={
            "name": "uniform",
            "range": 0.005},
        wd={"type": "l2", "scale": 0.0005},
        out_channel_num=384,
        pool_size=[4, 4],
        pool_stride=[2, 2],
        activation={{ net_paras["activation"][1] }},
        keep_prob=0.5,
        bn={{ net_paras["bn"] }}))
    return Kid(Sensor(DigitsSource()), brain, MomentumKongFu(lr_scheme={{ opt_paras["lr"] }}), max_steps=1)
"""


@pytest.mark.parametrize("opt_paras", OPT_PARAS)
@pytest.mark.parametrize(
    ("net_paras", "kind"), list(zip(NET_PARAS, ["ReLULayer", "MaxoutLayer"], strict=True)), ids=["relu", "maxout"]
)
def test_the_template_gives_a_kid_for_every_pair_of_parameters(net_paras, kind, opt_paras):
    kid = kid_of_script(render(TEMPLATE, {"net_paras": net_paras, "opt_paras": opt_paras}))
    kinds = [type(block).__name__ for block in kid.brain]
    expected = ["ConvolutionLayer", "PoolingLayer", "BatchNormalizationLayer", kind, "DropoutLayer"]
    assert kinds == expected
    assert kid.kongfu.lr_scheme.base_lr == opt_paras["lr"]
