"""From pydantic's JSON schema to a structural schema as Kubernetes wants it.

Structural means: one type per value, no references, no null, no alternatives, nothing forbidden by
additionalProperties (the server prunes or refuses unknown fields by itself).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
KEPT = (
    "type", "description", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "maxProperties", "pattern", "default",
)  # fmt: skip
OPEN: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def structural(model: type[BaseModel], *, defaults: bool = True) -> Schema:
    """The structural schema of a model; without defaults for what the operator writes itself."""
    schema = model.model_json_schema(by_alias=True)
    result = _convert(schema, schema.get("$defs", {}))
    return result if defaults else _without_defaults(result)


def _convert(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    schema = _resolve(schema, definitions)
    result = {key: schema[key] for key in KEPT if schema.get(key) is not None}
    if "const" in schema:
        result |= {"type": "string", "enum": [schema["const"]]}
    if schema.get("format") == "date-time":
        result["format"] = "date-time"
    if result["type"] == "integer":
        result["format"] = "int64"
    if result["type"] == "array":
        result["items"] = _convert(schema["items"], definitions)
    if result["type"] == "object":
        result |= _object(schema, definitions)
    return result


def _object(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    fields: dict[str, Schema] = schema.get("properties", {})
    further: Any = schema.get("additionalProperties", False)
    result: Schema = {}
    if isinstance(further, dict):
        result["additionalProperties"] = _convert(further, definitions)  # pyright: ignore[reportUnknownArgumentType]
    elif further is True:
        result["x-kubernetes-preserve-unknown-fields"] = True
    if fields:
        result["properties"] = {name: _convert(field, definitions) for name, field in fields.items()}
    if schema.get("required"):
        result["required"] = schema["required"]
    return result


def _resolve(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """The schema with its reference followed and its null alternative dropped; outer words win."""
    outer = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf", "allOf")}
    if "$ref" in schema:
        inner = definitions[schema["$ref"].rsplit("/", 1)[1]]
        return _resolve({**inner, **outer}, definitions)
    if "anyOf" in schema:
        (inner,) = [option for option in schema["anyOf"] if option.get("type") != "null"]
        return _resolve({**inner, **outer}, definitions)
    return schema


def _without_defaults(schema: Schema) -> Schema:
    result = {key: value for key, value in schema.items() if key != "default"}
    for name in ("properties",):
        if name in result:
            result[name] = {key: _without_defaults(value) for key, value in result[name].items()}
    for name in ("items", "additionalProperties"):
        if name in result:
            result[name] = _without_defaults(result[name])
    return result
