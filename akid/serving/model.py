"""A SavedModel in memory: its signatures, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf
from akid.errors import DataError, near_match
from akid.inference.export import DESCRIPTION
from akid.runs.literal import literal
from akid.runs.run_dir import read_json
from akid.serving.refusal import RefusedError

DEFAULT = "serving_default"


@dataclass(frozen=True, eq=False)
class ModelSignature:
    """One of the functions of a model.

    Attributes:
        name: ``serving_default`` takes data as the brain does, ``raw`` as the source gives them.
        inputs: what it takes, the dimensions of examples None.
        outputs: what it gives, the main output first.
        function: takes the inputs by name.
    """

    name: str
    inputs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, tf.TensorSpec]
    function: Callable[..., Mapping[str, tf.Tensor]]

    @property
    def by_example(self) -> bool:
        """Whether each output has a row for each example, so that requests can go through together."""
        return all(spec.shape.rank and spec.shape[0] is None for spec in self.outputs.values())

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer.

        Args:
            inputs: all of them, in the shapes and dtypes of `inputs`.

        Raises:
            RefusedError: the model cannot take them: dimensions that are open in its signature do not fit.
        """
        try:
            found = self.function(**{name: tf.constant(array) for name, array in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise RefusedError(400, f"The model cannot take these inputs: {error.message}") from error
        return {name: found[name].numpy() for name in self.outputs}


class Model:
    """What a SavedModel holds.

    Args:
        path: its directory.

    Raises:
        DataError: it cannot be loaded, or takes something else than numbers.
    """

    def __init__(self, path: Path) -> None:
        try:
            with literal(path) as readable:
                self._loaded: Any = tf.saved_model.load(str(readable))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise DataError(f"{path} cannot be loaded as a SavedModel: {error}") from error
        order = (read_json(path / DESCRIPTION) or {}).get("outputs", [])
        self.signatures = {
            name: _signature(name, function, order) for name, function in self._loaded.signatures.items()
        }
        if DEFAULT not in self.signatures:
            found = sorted(self.signatures)
            raise DataError(f"The SavedModel {path} has no signature {DEFAULT!r}. Received: signatures={found}")
        self._warm_up()

    def signature(self, name: str) -> ModelSignature:
        """A signature by its name; the default one for an empty name.

        Raises:
            RefusedError: there is none.
        """
        found = self.signatures.get(name or DEFAULT)
        if found is None:
            hint = near_match(name, self.signatures)
            raise RefusedError(400, f"The model has no signature {name!r}. {hint}")
        return found

    def _warm_up(self) -> None:
        """What TensorFlow does at the first call must not be in the time of a request."""
        for signature in self.signatures.values():
            if all(spec.shape[1:].is_fully_defined() for spec in signature.inputs.values()):
                signature(
                    {n: np.zeros([1, *s.shape[1:]], s.dtype.as_numpy_dtype) for n, s in signature.inputs.items()}
                )


def _signature(name: str, function: Any, order: list[str]) -> ModelSignature:
    inputs: dict[str, tf.TensorSpec] = function.structured_input_signature[1]
    outputs: dict[str, tf.TensorSpec] = function.structured_outputs
    for given, spec in inputs.items():
        if not (spec.dtype.is_floating or spec.dtype.is_integer or spec.dtype.is_bool) or not spec.shape.rank:
            raise DataError(
                f"The signature {name!r} cannot be served: inputs must be numbers, a row an example."
                f" Received: {given} of dtype {spec.dtype.name} and shape {spec.shape}"
            )
    places = {output: place for place, output in enumerate(order)}
    names = sorted(outputs, key=lambda output: (places.get(output, len(places)), output))
    return ModelSignature(name, dict(sorted(inputs.items())), {n: outputs[n] for n in names}, function)
