"""From JSON, or bytes, to arrays as a signature takes them, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from akid.backend import tf
from akid.errors import DataError, near_match
from akid.inference.predictor import as_taken
from akid.serving.model import ModelSignature
from akid.serving.refusal import RefusedError


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Attributes:
        body: of the response.
        headers: beside those every response has.
    """

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """What a request asks for.

    Attributes:
        signature: of the model.
        inputs: all of them, as the signature takes them.
        reply: makes the response of all outputs.
    """

    signature: ModelSignature
    inputs: dict[str, np.ndarray]
    reply: Callable[[Mapping[str, np.ndarray]], Reply]

    @property
    def rows(self) -> int:
        """Examples."""
        return len(next(iter(self.inputs.values())))


def mapping_of(body: bytes) -> dict[str, Any]:
    """A body that must be a JSON object.

    Raises:
        RefusedError: it is none, or has NaN or an infinity, which JSON has not.
    """
    try:
        found = json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise RefusedError(400, "The body is nested too deeply.") from None
    except ValueError as error:  # UnicodeDecodeError is one too
        raise RefusedError(400, f"The body must be JSON: {error}. Received: {_shown(body)}") from None
    if not isinstance(found, dict):
        raise RefusedError(400, f"The body must be a JSON object. Received: {_shown(body)}")
    return found


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _shown(body: bytes) -> str:
    return repr(body[:60].decode(errors="replace")) + ("..." if len(body) > 60 else "")


def array_of(name: str, values: Any, spec: tf.TensorSpec) -> np.ndarray:
    """One input.

    Args:
        name: of the input.
        values: an array, or nested lists of numbers, ``[examples, ...]``.
        spec: what the signature takes.

    Raises:
        RefusedError: they have another shape, are no numbers or not finite, or the dtype does not have them.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise RefusedError(400, f"The input {name!r} has rows of different lengths.") from None
    expected = ["examples", *spec.shape[1:]]
    if array.dtype.kind not in "buif":
        raise RefusedError(400, f"The input {name!r} must be numbers of shape {expected}.")
    if not spec.shape.is_compatible_with(array.shape) or not len(array):
        raise RefusedError(
            400,
            f"The input {name!r} must be of shape {expected}, one example or more. Received: shape={array.shape}",
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RefusedError(400, f"The input {name!r} has NaN or an infinity.")
    try:
        return as_taken(array, tf.TensorSpec(spec.shape, spec.dtype, name))
    except DataError as error:
        raise RefusedError(400, str(error)) from None


def arrays_of(signature: ModelSignature, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """All inputs.

    Raises:
        RefusedError: one is missing, unknown or wrong, or they have different numbers of examples.
    """
    for name in values:
        if name not in signature.inputs:
            raise RefusedError(400, f"There is no input {name!r}. {near_match(name, signature.inputs)}")
    missing = [name for name in signature.inputs if name not in values]
    if missing:
        raise RefusedError(400, f"All of the inputs {list(signature.inputs)} are needed. Missing: {missing}")
    arrays = {name: array_of(name, values[name], spec) for name, spec in signature.inputs.items()}
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        raise RefusedError(400, f"The inputs must have as many examples each. Received: {rows}")
    return arrays


def outputs_of(signature: ModelSignature, names: Any) -> list[str]:
    """The outputs that are wanted: all for None.

    Raises:
        RefusedError: there is no such output.
    """
    if names is None:
        return list(signature.outputs)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise RefusedError(400, f"Outputs must be a list of names. Received: {names!r}")
    for name in names:
        if name not in signature.outputs:
            raise RefusedError(400, f"There is no output {name!r}. {near_match(name, signature.outputs)}")
    return list(dict.fromkeys(names))


def plain(name: str, array: np.ndarray) -> Any:
    """An output as JSON has it: exactly the same numbers.

    Raises:
        RefusedError: it is not finite.
    """
    if array.dtype.kind not in "bui":
        if not np.isfinite(array).all():
            raise RefusedError(
                500,
                f"The model's output {name!r} has NaN or an infinity, which JSON has not. Ask for binary data.",
            )
        array = array.astype(np.float64)
    return array.tolist()


def json_reply(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    """A response of JSON."""
    return Reply(
        json.dumps(value, allow_nan=False).encode(), {"content-type": "application/json", **(headers or {})}
    )


def shape_of(spec: tf.TensorSpec) -> Sequence[int]:
    """A shape with -1 for dimensions that are open."""
    return [] if spec.shape.rank is None else [-1 if size is None else size for size in spec.shape]
