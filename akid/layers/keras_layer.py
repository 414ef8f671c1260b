"""KerasLayer: any Keras layer as a block. The only place where akid uses Keras, imported when it is."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, Unpack

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.checks import Check
from akid.errors import BlockError, near_match
from akid.layers.options import LayerOptions


class KerasLayer(ProcessingLayer):
    """A Keras layer, or a whole Keras model, as a layer.

    Its variables are the block's, by Keras's names without the wrapped layer's own (``kernel``; ``dense/kernel``
    in a model); the numbers of layers that Keras named are counted from this layer alone. Its losses are
    noted as ``<block>/losses``; moving statistics change only where the trip is updating.

    The exception to akid's rule of randomness: Keras draws initial values and dropout masks from generators of
    its own. The masks' state is among the block's variables, so a resumed run goes on with them, but they are
    not a function of the step, and a replica's are no slice of the global batch's. A Keras layer in feedback
    or wherever that counts should be one without randomness.

    Args:
        layer: a Keras layer, or its class and arguments: ``{"type": "Dense", "units": 10}``.
        **options: see `ProcessingLayer`; the dtype counts for a layer made here.
    """

    stem = "keras"

    def __init__(self, layer: Mapping[str, Any] | Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.layer = _keras_layer(layer, self.name, self.dtype.name)

    def _setup(self, x: Signal) -> None:
        self._takes = [(tuple(s.shape), s.dtype.name) for s in (x if isinstance(x, list) else [x])]
        self._takes_list = isinstance(x, list)
        self._adopt()

    def _adopt(self) -> None:
        """Build the wrapped layer, and make its variables the block's."""
        symbols = [_keras().KerasTensor(shape, dtype=dtype) for shape, dtype in self._takes]
        with tf.init_scope(), tf.variable_creator_scope(_plain):
            self.layer(symbols if self._takes_list else symbols[0])
        self.own_variables = {}
        for name, weight in _named(self.layer, dir(_keras().layers)):
            variable = weight.value
            # Keras says only in its own wrapper that a layer is frozen; the Kid looks at the variable.
            variable._trainable = weight.trainable
            self.own_variables[name] = variable

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Keras has no deep copy that works for every layer: make one by its configuration, and fill it.
        twin = memo[id(self)] = copy.copy(self)
        twin.hooks = copy.deepcopy(self.hooks, memo)
        twin.layer = type(self.layer).from_config(self.layer.get_config())
        if self.built:
            twin._adopt()
            for mine, other in zip(twin.own_variables.values(), self.own_variables.values(), strict=True):
                mine.assign(other)
        return twin

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        # The scope holds assignments back, so that akid decides which are made.
        values = [(weight, tf.convert_to_tensor(weight.value)) for weight in self.layer.variables]
        with _keras().StatelessScope(state_mapping=values, collect_losses=True) as scope:
            out = self.layer(x, training=trip.training)
            # Of weights that another block shares the regularizers count once; losses of activities always.
            losses = self.layer.losses if trip.first(self.layer) else list(scope.losses)
        if losses:
            trip.loss(tf.add_n([tf.reduce_sum(loss) for loss in losses]), "losses")
        if trip.updating:
            for weight, before in values:
                after = scope.get_current_value(weight)
                if after is not before:
                    weight.value.assign(tf.cast(after, weight.value.dtype))
        return list(out) if isinstance(out, (list, tuple)) else out

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"layer": type(self.layer).__name__}


def _keras() -> Any:
    """Keras, imported now.

    Raises:
        BlockError: it is not installed, or runs on another backend.
    """
    try:
        import keras
    except ModuleNotFoundError:
        raise BlockError("KerasLayer needs Keras 3, which is not installed: pip install keras.") from None
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise BlockError(
            "KerasLayer needs Keras on TensorFlow; set KERAS_BACKEND=tensorflow before Keras is imported."
            f" Received: backend={backend!r}"
        )
    return keras


def _plain(create: Callable[..., Any], **options: Any) -> Any:
    """Makes a variable as a block does: how replicas' copies of state merge is akid's, not Keras's."""
    plain = {"synchronization": tf.VariableSynchronization.AUTO, "aggregation": tf.VariableAggregation.NONE}
    return create(**options | plain)


#: Layers that run a function or load a program: not for manifests, which must not execute code.
_RUN_CODE = ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")


def _has_mapping(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_has_mapping(v) for v in value)
    return isinstance(value, Mapping)


def _keras_layer(layer: Any, name: str, dtype: str) -> Any:
    """A Keras layer from itself, or from ``{"type": ..., **arguments}``."""
    keras = _keras()
    if isinstance(layer, keras.layers.Layer):
        return layer
    if not isinstance(layer, Mapping) or "type" not in layer:
        raise Check(name, BlockError).wrong("layer", 'a Keras layer, or {"type": "Dense", "units": 10}', layer)
    options = dict(layer)
    kind = str(options.pop("type"))
    known = [n for n, c in vars(keras.layers).items() if isinstance(c, type)]
    if kind not in known:
        raise BlockError(f"{name}: Keras has no layer {kind!r}. {near_match(kind, known)} Received: {layer!r}")
    if kind in _RUN_CODE or any(_has_mapping(value) for value in options.values()):
        raise BlockError(
            f"{name}: by its type only a Keras layer of plain arguments is made, since Keras may run code to make"
            f" an object of a mapping; give the layer itself, in Python. Received: {layer!r}"
        )
    try:
        return getattr(keras.layers, kind)(**{"dtype": dtype, **options})
    except (TypeError, ValueError) as error:
        raise BlockError(f"{name}: Keras does not make this layer: {error} Received: {layer!r}") from error


def _named(layer: Any, classes: Iterable[str]) -> list[tuple[str, Any]]:
    """Keras's variables by names that do not depend on what else the process has made."""
    automatic = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", c).lower() for c in classes} | {"seed_generator"}
    stems: dict[str, str] = {}
    counts: dict[str, int] = {}
    named: dict[str, Any] = {}
    for weight in layer.variables:
        parts = weight.path.split("/")
        # A model that was built before has variables without its own name.
        *owners, name = parts[1:] if parts[0] == layer.name else parts
        owner = "/".join(owners)
        if owner and owner not in stems:
            bare = [re.sub(r"_\d+$", "", o) for o in owners]
            stem = "/".join(b if b in automatic else o for b, o in zip(bare, owners, strict=True))
            number = counts[stem] = counts.get(stem, -1) + 1
            stems[owner] = f"{stem}_{number}/" if number else f"{stem}/"
        name = stems.get(owner, "") + name
        while name in named:
            name += "_"
        named[name] = weight
    return list(named.items())
