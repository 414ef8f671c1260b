"""The same networks in akid and in Keras."""

from __future__ import annotations

from typing import Any

LABELS = [{"name": "system_in", "idxs": [1]}]


def akid_brain(model: str) -> Any:
    """The network as a Brain."""
    from akid.blocks.brain import Brain
    from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer
    from akid.models.brains import LeNet

    if model.startswith("lenet"):
        return LeNet()
    if model == "mlp":
        loss = SoftmaxWithLossLayer(10, name="loss", inputs=[{"name": "ip2"}, *LABELS])
        return Brain().attach(
            InnerProductLayer(128, name="ip1"), ReLULayer(), InnerProductLayer(10, name="ip2"), loss
        )
    return _akid_resnet20()


def _akid_resnet20() -> Any:
    """ResNet-20 of He et al., 2016, for 32 x 32 images, from blocks."""
    from akid.blocks.brain import Brain
    from akid.layers import GlobalPoolingLayer, InnerProductLayer, ReLULayer, SoftmaxWithLossLayer

    brain = Brain(name="resnet20").attach(_conv(16, 3, 1, "conv0", None), ReLULayer(name="stem"))
    stem = "stem"
    for stage, channels in enumerate((16, 32, 64)):
        for unit in range(3):
            strides = 2 if stage and not unit else 1
            stem = _residual_unit(brain, f"s{stage}u{unit}", channels, strides, stem)
    return brain.attach(
        GlobalPoolingLayer(),
        InnerProductLayer(10, name="ip"),
        SoftmaxWithLossLayer(10, name="loss", inputs=[{"name": "ip"}, *LABELS]),
    )


def _conv(channels: int, ksize: int, strides: int, name: str, source: str | None) -> list[Any]:
    """A convolution without biases, normalised."""
    from akid.layers import BatchNormalizationLayer, ConvolutionLayer

    options: dict[str, Any] = {"out_channel_num": channels, "init_para": "msra", "initial_bias_value": None}
    inputs = None if source is None else [{"name": source}]
    conv = ConvolutionLayer(ksize, strides, name=name, inputs=inputs, **options)
    return [conv, BatchNormalizationLayer(name=f"{name}_bn")]


def _residual_unit(brain: Any, name: str, channels: int, strides: int, stem: str) -> str:
    """Two convolutions beside a short cut, attached; the name of what they give."""
    from akid.layers import MergeLayer, ReLULayer

    first, second = _conv(channels, 3, strides, f"{name}a", stem), _conv(channels, 3, 1, f"{name}b", None)
    brain.attach(first, ReLULayer(name=f"{name}relu"), second)
    short = stem
    if strides == 2:
        brain.attach(_conv(channels, 1, 2, f"{name}s", stem))
        short = f"{name}s_bn"
    merged = MergeLayer(name=f"{name}sum", inputs=[{"name": f"{name}b_bn"}, {"name": short}])
    brain.attach(merged, ReLULayer(name=name))
    return name


def keras_model(model: str) -> Any:
    """The network as a Keras model that gives logits."""
    import keras
    from keras import layers

    if model == "mlp":
        return keras.Sequential(
            [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10)]
        )
    if model.startswith("lenet"):
        conv = [[layers.Conv2D(c, 5, padding="same", activation="relu"), layers.MaxPool2D(2)] for c in (32, 64)]
        dense = [layers.Flatten(), layers.Dense(512, "relu"), layers.Dense(10)]
        return keras.Sequential([keras.Input((28, 28, 1)), *conv[0], *conv[1], *dense])
    return _keras_resnet20()


def _keras_resnet20() -> Any:
    import keras
    from keras import layers

    def conv(x: Any, channels: int, ksize: int, strides: int) -> Any:
        x = layers.Conv2D(channels, ksize, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    entry = keras.Input((32, 32, 3))
    x = layers.ReLU()(conv(entry, 16, 3, 1))
    for stage, channels in enumerate((16, 32, 64)):
        for unit in range(3):
            strides = 2 if stage and not unit else 1
            y = conv(layers.ReLU()(conv(x, channels, 3, strides)), channels, 3, 1)
            x = layers.ReLU()(y + (conv(x, channels, 1, 2) if strides == 2 else x))
    return keras.Model(entry, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
