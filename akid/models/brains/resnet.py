"""Residual networks: for ImageNet, for CIFAR, and wide ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from akid.blocks.brain import Brain, BrainOptions
from akid.layers.activation import ReLULayer
from akid.layers.batch_normalization import BatchNormalizationLayer
from akid.layers.pooling import GlobalPoolingLayer, MaxPoolingLayer
from akid.layers.structural import PaddingLayer
from akid.models.brains.heads import classifier
from akid.models.brains.residual import PreActivationUnit, ResidualUnit, conv, conv_bn

#: Units of each stage by the depth (He et al., 2016a, table 1).
STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class ResNet(Brain):
    """The networks for ImageNet of He et al., 2016a; from 50 layers on of bottlenecks.

    For images ``[batch, 224, 224, 3]``, or others: they are made 32 times smaller. The stride of a bottleneck is
    that of its convolution of 3 x 3. The last normalisation of each unit begins with ``gamma = 1``.

    Args:
        depth: 18, 34, 50, 101 or 152 layers that learn.
        class_num: number of classes.
        wd: weight decay of every synapse layer, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        depth: int = 50,
        class_num: int = 1000,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        self.check.one_of("depth", depth, STAGES)
        self.attach(
            PaddingLayer([3, 3], name="pad"),
            conv_bn(7, 64, 2, wd, 1, padding="VALID"),
            ReLULayer(name="relu1"),
            MaxPoolingLayer(3, 2, "SAME", name="pool1"),
        )
        bottleneck, given = depth >= 50, 64
        for stage, count in enumerate(STAGES[depth]):
            channels = 64 * 2**stage * (4 if bottleneck else 1)
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1
                name = f"unit{stage + 2}_{i + 1}"
                self.attach(ResidualUnit(channels, stride, given, bottleneck=bottleneck, wd=wd, name=name))
                given = channels
        self.attach(GlobalPoolingLayer(name="pool"), classifier(class_num, wd=wd))


class CifarResNet(Brain):
    """The networks for CIFAR of He et al., 2016a, section 4.2: 6n + 2 layers, shortcuts without parameters.

    For images ``[batch, 32, 32, 3]``, or others: they are halved twice.

    Args:
        depth: 6n + 2: 20, 32, 44, 56, 110, ...
        class_num: number of classes.
        wd: weight decay of every synapse layer, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        depth: int = 20,
        class_num: int = 10,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        if self.check.integer("depth", depth, 8) % 6 != 2:
            raise self.check.wrong("depth", "6n + 2, such as 20, 32, 44, 56 or 110", depth)
        self.attach(conv_bn(3, 16, 1, wd, 1), ReLULayer(name="relu1"))
        given = 16
        for stage, channels in enumerate((16, 32, 64), 1):
            for i in range((depth - 2) // 6):
                stride = 2 if stage > 1 and i == 0 else 1
                unit = ResidualUnit(channels, stride, given, "pad", wd=wd, name=f"unit{stage}_{i + 1}")
                self.attach(unit)
                given = channels
        self.attach(GlobalPoolingLayer(name="pool"), classifier(class_num, wd=wd))


class WideResNet(Brain):
    """WRN-depth-width of Zagoruyko and Komodakis, 2016: pre-activation units, 6n + 4 layers.

    For images ``[batch, 32, 32, 3]``, or others: they are halved twice.

    Args:
        depth: 6n + 4: 10, 16, 22, 28, 40, ...
        width: the factor of the channels, 16, 32 and 64.
        class_num: number of classes.
        keep_prob: of the dropout in every unit; None for none.
        wd: weight decay of every synapse layer, see `SynapseLayer`.
        **options: see `Brain`.
    """

    def __init__(
        self,
        depth: int = 28,
        width: int = 10,
        class_num: int = 10,
        keep_prob: float | None = None,
        wd: Mapping[str, Any] | None = None,
        **options: Unpack[BrainOptions],
    ) -> None:
        super().__init__(**options)
        if self.check.integer("depth", depth, 10) % 6 != 4:
            raise self.check.wrong("depth", "6n + 4, such as 10, 16, 22, 28 or 40", depth)
        self.check.integer("width", width)
        self.attach(conv(3, 16, 1, wd, "conv1"))
        given = 16
        for stage, channels in enumerate((16 * width, 32 * width, 64 * width), 1):
            for i in range((depth - 4) // 6):
                stride = 2 if stage > 1 and i == 0 else 1
                name = f"unit{stage}_{i + 1}"
                self.attach(PreActivationUnit(channels, stride, given, keep_prob, wd, name=name))
                given = channels
        self.attach(
            BatchNormalizationLayer(name="bn"),
            ReLULayer(name="relu"),
            GlobalPoolingLayer(name="pool"),
            classifier(class_num, wd=wd),
        )
