"""The lines of the conformance table for brains."""

from __future__ import annotations

from conformance.rows import BATCH, IMAGE, NO_GRADIENT, RANDOM, SEQUENCE, VECTOR, B, floats, ints, row

from akid import layers as L  # noqa: N812
from akid.blocks.brain import Brain
from akid.models.brains import (
    MLP,
    LeNet,
    OneLayerBrain,
    PreActivationUnit,
    ResidualUnit,
    TransformerUnit,
    VisionTransformer,
)


def small_brain(name: str | None = None, dtype: str = "float32") -> Brain:
    """A brain with a branch and a brain in it."""
    inner = Brain("inner", inputs=["ip"], dtype=dtype)
    inner.attach(L.InnerProductLayer(5, wd={"type": "l2", "scale": 0.1}, name="ip", dtype=dtype), L.TanhLayer())
    brain = Brain(name, dtype=dtype).attach(L.InnerProductLayer(5, name="ip", dtype=dtype), inner)
    return brain.attach(L.MergeLayer(inputs=["ip", "inner"], name="sum"))


def bn_variables(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    """The variables of a batch normalisation."""
    return {f"{name}/{v}": (channels,) for v in ("beta", "gamma", "running_mean", "running_variance")}


def unit_variables(name: str, dim: int) -> dict[str, tuple[int, ...]]:
    """The variables of a transformer unit whose mlp is twice as wide."""
    attention = ("query", "key", "value", "out")
    return {
        **{f"{name}{ln}/{v}": (dim,) for ln in ("ln1", "ln2") for v in ("beta", "gamma")},
        **{f"{name}attention/{p}/weights": (dim, dim) for p in attention},
        **{f"{name}attention/{p}/biases": (dim,) for p in attention},
        f"{name}mlp1/weights": (1, dim, 2 * dim),
        f"{name}mlp1/biases": (2 * dim,),
        f"{name}mlp2/weights": (1, 2 * dim, dim),
        f"{name}mlp2/biases": (dim,),
    }


CONV = {"conv1/weights": (5, 5, 1, 32), "conv1/biases": (32,)}
BRAINS = [
    row(
        small_brain,
        VECTOR,
        gives=(B, 5),
        variables={
            "ip/weights": (8, 5),
            "ip/biases": (5,),
            "inner/ip/weights": (5, 5),
            "inner/ip/biases": (5,),
        },
    ),
    row(
        OneLayerBrain,
        floats(10, 10, 1),
        ints(below=10),
        gives=(),
        variables={**CONV, "ip1/weights": (128, 10), "ip1/biases": (10,)},
        flags=[NO_GRADIENT],
    ),
    row(
        LeNet,
        floats(8, 8, 1),
        ints(below=10),
        gives=(),
        variables={
            **CONV,
            "conv2/weights": (5, 5, 32, 64),
            "conv2/biases": (64,),
            "ip1/weights": (256, 512),
            "ip1/biases": (512,),
            "ip2/weights": (512, 10),
            "ip2/biases": (10,),
        },
        flags=[NO_GRADIENT],
    ),
    row(
        MLP,
        VECTOR,
        ints(below=10),
        gives=(),
        variables={
            "ip1/weights": (8, 6),
            "ip1/biases": (6,),
            "ip2/weights": (6, 10),
            "ip2/biases": (10,),
        },
        flags=[NO_GRADIENT, RANDOM],
        hidden=[6],
        keep_prob=0.5,
    ),
    row(
        ResidualUnit,
        IMAGE,
        gives=(B, 3, 3, 8),
        variables={
            "conv1/weights": (1, 1, 4, 2),
            "conv2/weights": (3, 3, 2, 2),
            "conv3/weights": (1, 1, 2, 8),
            **bn_variables("bn1", 2),
            **bn_variables("bn2", 2),
            **bn_variables("bn3", 8),
            "conv_stem/weights": (1, 1, 4, 8),
            **bn_variables("bn_stem", 8),
        },
        flags=[NO_GRADIENT, BATCH],
        channels=8,
        stride=2,
        in_channels=4,
        bottleneck=True,
    ),
    row(
        ResidualUnit,
        IMAGE,
        gives=(B, 3, 3, 7),
        variables={
            "conv1/weights": (3, 3, 4, 7),
            "conv2/weights": (3, 3, 7, 7),
            **bn_variables("bn1", 7),
            **bn_variables("bn2", 7),
        },
        flags=[NO_GRADIENT, BATCH],
        id="pad",
        channels=7,
        stride=2,
        in_channels=4,
        shortcut="pad",
    ),
    row(
        PreActivationUnit,
        IMAGE,
        gives=(B, 6, 6, 8),
        variables={
            **bn_variables("bn1", 4),
            "conv1/weights": (3, 3, 4, 8),
            **bn_variables("bn2", 8),
            "conv2/weights": (3, 3, 8, 8),
            "conv_stem/weights": (1, 1, 4, 8),
        },
        flags=[NO_GRADIENT, BATCH],
        channels=8,
        in_channels=4,
    ),
    row(
        TransformerUnit,
        SEQUENCE,
        gives=(B, 5, 4),
        variables=unit_variables("", 4),
        flags=[NO_GRADIENT, RANDOM],
        dim=4,
        head_num=2,
        mlp_ratio=2,
        keep_prob=0.5,
    ),
    row(
        VisionTransformer,
        IMAGE,
        ints(below=10),
        gives=(),
        variables={
            "patches/weights": (3, 3, 4, 4),
            "patches/biases": (4,),
            "class_token/token": (4,),
            "position/weights": (5, 4),
            **unit_variables("unit1/", 4),
            "ln/beta": (4,),
            "ln/gamma": (4,),
            "logits/weights": (4, 10),
            "logits/biases": (10,),
        },
        flags=[NO_GRADIENT],
        class_num=10,
        patch_size=3,
        dim=4,
        depth=1,
        head_num=2,
        mlp_ratio=2,
    ),
]
