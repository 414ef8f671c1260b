"""TensorFlow Serving's REST form of predict: rows of ``instances``, or ``inputs`` in columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from akid.backend import tf
from akid.serving.model import Model, ModelSignature
from akid.serving.refusal import RefusedError
from akid.serving.tensors import Asked, Reply, arrays_of, json_reply, mapping_of, outputs_of, plain, shape_of

#: ``output_filter`` is a field of TensorFlow Serving's PredictRequest that its own REST form leaves out.
FIELDS = ("signature_name", "instances", "inputs", "output_filter")

#: Names of dtypes in TensorFlow's protocol buffers, where they are not those of its Python.
DATA_TYPES = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF"}


def asked(body: bytes, model: Model) -> Asked:
    """Read a request of ``:predict``.

    Args:
        body: a JSON object with ``instances`` (a row an example: the value of the only input, or a mapping of all)
            or ``inputs`` (the value of the only input, or a mapping of all, examples first); ``signature_name``;
            ``output_filter``, the names of those outputs that are wanted.
        model: what is asked.

    Raises:
        RefusedError: it does not fit the model.
    """
    request = mapping_of(body)
    for field in request:
        if field not in FIELDS:
            raise RefusedError(400, f"There is no field {field!r}. Known: {', '.join(FIELDS)}.")
    if ("instances" in request) == ("inputs" in request):
        raise RefusedError(400, "Either 'instances' (rows) or 'inputs' (columns) is needed.")
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise RefusedError(400, f"signature_name must be a text. Received: {name!r}")
    signature = model.signature(name)
    outputs = outputs_of(signature, request.get("output_filter"))
    if "instances" in request:
        inputs = arrays_of(signature, _columns(request["instances"], signature))
        return Asked(signature, inputs, partial(_rows_reply, outputs, len(next(iter(inputs.values())))))
    values = request["inputs"]
    inputs = arrays_of(signature, values if isinstance(values, dict) else {_only(signature): values})
    return Asked(signature, inputs, partial(_columns_reply, outputs))


def _columns(rows: Any, signature: ModelSignature) -> Mapping[str, Any]:
    if not isinstance(rows, list) or not rows:
        raise RefusedError(400, "instances must be a list of one example or more.")
    if not isinstance(rows[0], dict):
        return {_only(signature): rows}
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) != set(rows[0]):
            raise RefusedError(400, f"instances[{index}] must have the inputs that instances[0] has.")
    return {name: [row[name] for row in rows] for name in rows[0]}


def _only(signature: ModelSignature) -> str:
    if len(signature.inputs) > 1:
        raise RefusedError(400, f"The inputs must be given by name: {list(signature.inputs)}.")
    return next(iter(signature.inputs))


def _rows_reply(outputs: list[str], rows: int, found: Mapping[str, np.ndarray]) -> Reply:
    for name in outputs:
        if not found[name].ndim or len(found[name]) != rows:
            raise RefusedError(
                400,
                f"The output {name!r} has no row for each example: ask in columns, by 'inputs', or for others by"
                f" 'output_filter'. Received: shape={found[name].shape}",
            )
    columns = [plain(name, found[name]) for name in outputs]
    if len(outputs) == 1:
        return json_reply({"predictions": columns[0]})
    return json_reply(
        {"predictions": [dict(zip(outputs, row, strict=True)) for row in zip(*columns, strict=True)]}
    )


def _columns_reply(outputs: list[str], found: Mapping[str, np.ndarray]) -> Reply:
    columns = {name: plain(name, found[name]) for name in outputs}
    return json_reply({"outputs": columns[outputs[0]] if len(outputs) == 1 else columns})


def status(versions: list[int]) -> dict[str, Any]:
    """The versions that answer, the newest first."""
    fine = {"error_code": "OK", "error_message": ""}
    return {
        "model_version_status": [
            {"version": str(version), "state": "AVAILABLE", "status": fine} for version in versions
        ]
    }


def metadata(name: str, version: int, model: Model) -> dict[str, Any]:
    """Inputs and outputs of every signature."""
    signatures = {
        found.name: {
            "inputs": {n: _tensor_info(n, s) for n, s in found.inputs.items()},
            "outputs": {n: _tensor_info(n, s) for n, s in found.outputs.items()},
            "method_name": "tensorflow/serving/predict",
        }
        for found in model.signatures.values()
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _tensor_info(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
    sizes = [{"size": str(size), "name": ""} for size in shape_of(spec)]
    shape = {"dim": sizes, "unknown_rank": spec.shape.rank is None}
    dtype = DATA_TYPES.get(spec.dtype.name, f"DT_{spec.dtype.name.upper()}")
    return {"name": name, "dtype": dtype, "tensor_shape": shape}
