"""The Open Inference Protocol, version 2, with its extension for binary tensors, as KServe and Triton speak it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from akid import __version__
from akid.backend import tf
from akid.errors import near_match
from akid.serving.model import DEFAULT, Model, ModelSignature
from akid.serving.refusal import RefusedError
from akid.serving.tensors import Asked, Reply, arrays_of, json_reply, mapping_of, outputs_of, plain, shape_of

#: How long the JSON is that comes before binary tensors.
HEADER_LENGTH = "inference-header-content-length"
DATATYPES = {
    "bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64", "bfloat16": "BF16",
    "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
}  # fmt: skip
#: What is the same whatever is served.
SERVER = {"name": "akid", "version": __version__, "extensions": ["binary_tensor_data"]}


@dataclass(frozen=True)
class Wanted:
    """An output of a response.

    Attributes:
        name: of the output.
        binary: whether it is sent as bytes.
    """

    name: str
    binary: bool


def asked(body: bytes, header_length: str | None, model: Model, name: str, version: int) -> Asked:
    """Read a request of ``infer``.

    Args:
        body: JSON, and after it the bytes of tensors.
        header_length: how long the JSON is, from the header `HEADER_LENGTH`; None for all of the body.
        model: what is asked; ``parameters.signature_name`` says which of its signatures.
        name: of the model, for the response.
        version: of the model, for the response.

    Raises:
        RefusedError: it does not fit the model.
    """
    length = _length(header_length, body)
    request, rest = mapping_of(body[:length]), memoryview(body)[length:]
    parameters = _mapping(request.get("parameters", {}), "parameters")
    signature = model.signature(str(parameters.get("signature_name", "")))
    tensors = request.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise RefusedError(400, "inputs must be a list of tensors: {name, shape, datatype, data}.")
    values: dict[str, np.ndarray] = {}
    for index, tensor in enumerate(tensors):
        given = _mapping(tensor, f"inputs[{index}]")
        values[str(given.get("name"))], rest = _tensor(given, signature, rest)
    if len(rest):
        raise RefusedError(400, f"{len(rest)} bytes follow the last tensor. Is {HEADER_LENGTH} right?")
    wanted = _wanted(request.get("outputs"), signature, parameters.get("binary_data_output") is True)
    head = {"model_name": name, "model_version": str(version)}
    if "id" in request:
        head["id"] = str(request["id"])
    return Asked(signature, arrays_of(signature, values), partial(_reply, head, wanted, signature))


def _length(header: str | None, body: bytes) -> int:
    if header is None:
        return len(body)
    if not header.isdecimal() or int(header) > len(body):
        raise RefusedError(
            400, f"{HEADER_LENGTH} must be at most the body's {len(body)} bytes. Received: {header!r}"
        )
    return int(header)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(400, f"{where} must be a JSON object. Received: {value!r:.60}")
    return value


def _tensor(given: dict[str, Any], signature: ModelSignature, rest: memoryview) -> tuple[np.ndarray, memoryview]:
    """An input in its shape, and the bytes that belong to those after it."""
    name, shape = given.get("name"), given.get("shape")
    spec = signature.inputs.get(str(name))
    if spec is None:
        raise RefusedError(400, f"There is no input {name!r}. {near_match(str(name), signature.inputs)}")
    expected = DATATYPES[spec.dtype.name]
    if given.get("datatype") != expected:
        raise RefusedError(
            400, f"The input {name!r} is of datatype {expected}. Received: datatype={given.get('datatype')!r}"
        )
    if not isinstance(shape, list) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise RefusedError(
            400, f"The input {name!r} needs its shape, a list of sizes. Received: shape={shape!r:.60}"
        )
    size = _mapping(given.get("parameters", {}), "parameters").get("binary_data_size")
    if size is None:
        return _from_json(str(name), given.get("data"), shape), rest
    if not isinstance(size, int) or not 0 <= size <= len(rest) or size != math.prod(shape) * spec.dtype.size:
        raise RefusedError(
            400,
            f"The input {name!r} of shape {shape} has {math.prod(shape) * spec.dtype.size} bytes."
            f" Received: binary_data_size={size!r}, {len(rest)} bytes",
        )
    return np.frombuffer(rest[:size], spec.dtype.as_numpy_dtype).reshape(shape), rest[size:]


def _from_json(name: str, data: Any, shape: list[int]) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError:
        raise RefusedError(400, f"The input {name!r} has rows of different lengths.") from None
    if array.size != math.prod(shape) or (array.ndim > 1 and array.shape != tuple(shape)):
        raise RefusedError(
            400, f"The data of {name!r} must have the shape it tells, {shape}, or be flat. Received: {array.shape}"
        )
    return array.reshape(shape)


def _wanted(outputs: Any, signature: ModelSignature, binary: bool) -> list[Wanted]:
    if not outputs:
        return [Wanted(name, binary) for name in signature.outputs]
    if not isinstance(outputs, list):
        raise RefusedError(400, f"outputs must be a list. Received: {outputs!r:.60}")
    wanted: dict[str, Wanted] = {}
    for index, output in enumerate(outputs):
        given = _mapping(output, f"outputs[{index}]")
        (name,) = outputs_of(signature, [given.get("name")])
        parameters = _mapping(given.get("parameters", {}), f"outputs[{index}].parameters")
        wanted[name] = Wanted(name, parameters.get("binary_data", binary) is True)
    return list(wanted.values())


def _reply(
    head: Mapping[str, str], wanted: list[Wanted], signature: ModelSignature, found: Mapping[str, np.ndarray]
) -> Reply:
    tensors, tail = [], []
    for output in wanted:
        array, spec = found[output.name], signature.outputs[output.name]
        tensor: dict[str, Any] = {
            "name": output.name, "datatype": DATATYPES[spec.dtype.name], "shape": list(array.shape)
        }  # fmt: skip
        if output.binary:
            tail.append(array.tobytes())
            tensor["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            tensor["data"] = plain(output.name, array.reshape(-1))
        tensors.append(tensor)
    if not tail:
        return json_reply({**head, "outputs": tensors})
    text = json.dumps({**head, "outputs": tensors}).encode()
    headers = {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(text))}
    return Reply(b"".join([text, *tail]), headers)


def metadata(name: str, versions: list[int], model: Model) -> dict[str, Any]:
    """Inputs and outputs of the default signature."""
    signature = model.signature(DEFAULT)
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": "tensorflow_savedmodel",
        "inputs": [_described(n, s) for n, s in signature.inputs.items()],
        "outputs": [_described(n, s) for n, s in signature.outputs.items()],
    }


def _described(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
    return {"name": name, "datatype": DATATYPES[spec.dtype.name], "shape": list(shape_of(spec))}
