"""The ready brains have as many parameters as those who published them, or their reference code, say.

Nothing is trained or even allocated: the brains are built in graphs that never run.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.models.brains import (
    AlexNet,
    AllConvNet,
    CifarResNet,
    MaxoutNet,
    ResNet,
    VGGNet,
    VisionTransformer,
    WideResNet,
)

IMAGENET, CIFAR = 224, 32

#: Brain, height and width of its images, parameters, and who says so.
PUBLISHED: list[tuple[Callable[[], Brain], int, int, str]] = [
    (AlexNet, IMAGENET, 61_100_840, "torchvision alexnet"),
    (lambda: VGGNet(11), IMAGENET, 132_863_336, "torchvision vgg11"),
    (lambda: VGGNet(13), IMAGENET, 133_047_848, "torchvision vgg13"),
    (lambda: VGGNet(16), IMAGENET, 138_357_544, "torchvision vgg16, Keras VGG16"),
    (lambda: VGGNet(19), IMAGENET, 143_667_240, "torchvision vgg19, Keras VGG19"),
    (lambda: VGGNet(11, bn=True), IMAGENET, 132_868_840, "torchvision vgg11_bn"),
    (lambda: ResNet(18), IMAGENET, 11_689_512, "torchvision resnet18"),
    (lambda: ResNet(34), IMAGENET, 21_797_672, "torchvision resnet34"),
    (lambda: ResNet(50), IMAGENET, 25_557_032, "torchvision resnet50"),
    (lambda: CifarResNet(20), CIFAR, 269_722, "He et al., 2016a, table 6: 0.27M"),
    (lambda: WideResNet(28, 10), CIFAR, 36_479_194, "Zagoruyko and Komodakis, 2016, table 4: 36.5M"),
    (AllConvNet, CIFAR, 1_369_738, "Springenberg et al., 2015, table 3: 1.4M"),
    (VisionTransformer, IMAGENET, 5_717_416, "Touvron et al., 2021, table 1: ViT-Ti/16, 5M; timm"),
]


def made_by(brain: Brain, size: int) -> dict[str, tf.Variable]:
    """The parameters by name, as the abstract build of a copy makes them."""
    trip = Trip(abstract=True)
    images, labels = tf.TensorSpec([None, size, size, 3]), tf.TensorSpec([None], tf.int64)
    brain.trace([images, labels], trip=trip)
    return {name: variable for name, variable in trip.made.items() if variable.trainable}


def count(parameters: dict[str, tf.Variable], within: str = "") -> int:
    return sum(v.shape.num_elements() for name, v in parameters.items() if name.startswith(within))


@pytest.mark.parametrize(("make", "size", "parameters", "source"), PUBLISHED, ids=[row[3] for row in PUBLISHED])
def test_a_brain_has_as_many_parameters_as_published(
    make: Callable[[], Brain], size: int, parameters: int, source: str
) -> None:
    assert count(made_by(make(), size)) == parameters


def test_the_long_residual_networks_have_the_published_numbers() -> None:
    shorter = made_by(ResNet(101), IMAGENET)
    assert count(shorter) == 44_549_160  # torchvision resnet101
    # The longest one has more of the same units; to build it would take a while.
    more = {"unit3_2/": 8 - 4, "unit4_2/": 36 - 23}
    units = [block.name for block in ResNet(152) if block.name.startswith("unit")]
    assert [sum(n.startswith(f"unit{stage}_") for n in units) for stage in (2, 3, 4, 5)] == [3, 8, 36, 3]
    found = count(shorter) + sum(n * count(shorter, within=unit) for unit, n in more.items())
    assert found == 60_192_808  # torchvision resnet152


def test_the_maxout_network_has_those_of_its_formula() -> None:
    convolutions = [(8 * 8 * 3 + 1) * 192, (8 * 8 * 96 + 1) * 384, (5 * 5 * 192 + 1) * 384]
    inner_products = [(4 * 4 * 192 + 1) * 2500, (500 + 1) * 10]
    assert count(made_by(MaxoutNet(), CIFAR)) == sum(convolutions) + sum(inner_products)
