"""Sugar: common rows of blocks in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from akid.blocks.block import ProcessingLayer
from akid.checks import Check
from akid.errors import BlockError, near_match
from akid.layers.activation import (
    ELULayer,
    GELULayer,
    LeakyReLULayer,
    ReLULayer,
    SELULayer,
    SigmoidLayer,
    SiLULayer,
    SoftmaxLayer,
    SoftplusLayer,
    TanhLayer,
)
from akid.layers.batch_normalization import BatchNormalizationLayer
from akid.layers.convolution import ConvolutionLayer
from akid.layers.dropout import DropoutLayer
from akid.layers.groups import AverageOutLayer, GroupSoftmaxLayer, MaxoutLayer, SoftmaxNormalizationLayer
from akid.layers.inner_product import InnerProductLayer
from akid.layers.options import Decay, Init, Padding, Size
from akid.layers.pooling import PoolingLayer

Activation = str | Mapping[str, Any] | None

#: What ``activation={"type": ...}`` may name, and the layer it makes.
ACTIVATIONS: dict[str, type[ProcessingLayer]] = {
    "relu": ReLULayer,
    "leaky_relu": LeakyReLULayer,
    "elu": ELULayer,
    "selu": SELULayer,
    "gelu": GELULayer,
    "silu": SiLULayer,
    "swish": SiLULayer,
    "sigmoid": SigmoidLayer,
    "tanh": TanhLayer,
    "softplus": SoftplusLayer,
    "softmax": SoftmaxLayer,
    "maxout": MaxoutLayer,
    "average_out": AverageOutLayer,
    "gsmax": GroupSoftmaxLayer,
    "ngsmax": SoftmaxNormalizationLayer,
}


def cnn_block(
    ksize: Size | None = None,
    conv_padding: Padding = "SAME",
    initial_bias_value: float | None = 0.0,
    init_para: Init = "truncated_normal",
    wd: Decay = None,
    max_norm: float | None = None,
    out_channel_num: int = 32,
    pool_size: Size | None = (2, 2),
    pool_stride: Size | None = (2, 2),
    activation: Activation = "relu",
    activation_before_pooling: bool = False,
    keep_prob: float | None = None,
    bn: bool | Mapping[str, Any] | None = None,
    *,
    conv_strides: Size = 1,
    pool_padding: Padding = "SAME",
) -> list[ProcessingLayer]:
    """The layers that usually follow each other in a convolutional network (paper, section 3.1.2).

    Convolution, pooling, batch normalisation, activation, dropout; pooling comes after the activation with
    ``activation_before_pooling``. The system they are attached to names them.

    Args:
        ksize: kernel of the convolution; None for an inner product, which has no pooling.
        conv_padding: ``SAME`` or ``VALID``.
        initial_bias_value, init_para, wd, max_norm, out_channel_num: see `SynapseLayer`.
        pool_size: None for no pooling.
        pool_stride: see `PoolingLayer`.
        activation: a type of `ACTIVATIONS`, ``{"type": "maxout", "group_size": 2}``, or None.
        activation_before_pooling: see above.
        keep_prob: of a `DropoutLayer`; None for none.
        bn: True, or the arguments of a `BatchNormalizationLayer`.
        conv_strides: of the convolution.
        pool_padding: ``SAME`` or ``VALID``.

    Returns:
        The layers, to be given to ``brain.attach``.

    Raises:
        BlockError: the activation is unknown, or an argument is one its layer does not take.
    """
    Check("", BlockError).flag("activation_before_pooling", activation_before_pooling)
    synapse: dict[str, Any] = {
        "out_channel_num": out_channel_num,
        "init_para": init_para,
        "initial_bias_value": initial_bias_value,
        "wd": wd,
        "max_norm": max_norm,
    }
    if ksize is None:
        head, pool = InnerProductLayer(**synapse), []
    else:
        head = ConvolutionLayer(ksize, conv_strides, conv_padding, **synapse)
        pool = [] if pool_size is None else [PoolingLayer(pool_size, pool_stride, pool_padding)]
    shape = [*_batch_normalization(bn), *_activation(activation)]
    body = [*shape, *pool] if activation_before_pooling else [*pool, *shape]
    return [head, *body, *([] if keep_prob is None else [DropoutLayer(keep_prob)])]


def _activation(spec: Activation) -> list[ProcessingLayer]:
    if spec is None:
        return []
    options = dict(spec) if isinstance(spec, Mapping) else {"type": spec}
    kind = options.pop("type", "")
    if not isinstance(kind, str) or kind not in ACTIVATIONS:
        hint = near_match(str(kind), ACTIVATIONS)
        problem = f"activation: expected a name or {{'type': name, ...}}. {hint} Received: {spec!r}"
        raise BlockError(problem, argument="activation", hint=hint)
    return [_made(ACTIVATIONS[kind], options, "activation")]


def _batch_normalization(spec: bool | Mapping[str, Any] | None) -> list[ProcessingLayer]:
    if spec is None or spec is False:
        return []
    if spec is not True and not isinstance(spec, Mapping):
        raise Check("", BlockError).wrong("bn", "True, False or arguments of a BatchNormalizationLayer", spec)
    return [_made(BatchNormalizationLayer, {} if spec is True else dict(spec), "bn")]


def _made(kind: type[ProcessingLayer], options: dict[str, Any], where: str) -> ProcessingLayer:
    try:
        return kind(**options)
    except TypeError as error:
        raise BlockError(f"{where}: {error} Received: {options!r}", argument=where) from None
