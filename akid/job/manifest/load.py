"""Manifests: from a file, a text or a mapping to an `AkidJob`. YAML is loaded safely."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from akid.errors import InvalidSpecError
from akid.job.api.job import AkidJob
from akid.job.manifest import dialect
from akid.job.manifest.problems import InvalidManifestError, field_path, from_validation, received

MAX_NODES = 200_000
MAX_DEPTH = 60


def parse(manifest: Mapping[str, Any]) -> AkidJob:
    """An AkidJob from a mapping.

    Raises:
        InvalidManifestError: with every problem and its path.
    """
    check_tree(manifest)
    try:
        return AkidJob.model_validate(manifest)
    except ValidationError as error:
        raise from_validation(error, AkidJob) from None


def load(source: str | Path) -> AkidJob:
    """An AkidJob from a file (a path) or from YAML text (anything with a line break, `: ` or `{`).

    Raises:
        InvalidManifestError: if it cannot be read, is not YAML, or is not a valid AkidJob.
    """
    return parse(load_mapping(source))


def load_mapping(source: str | Path) -> dict[str, Any]:
    """The manifest of a file or a text as plain dicts and lists, not yet checked.

    Raises:
        InvalidManifestError: if it cannot be read, is not YAML, or is not one mapping.
    """
    is_text = isinstance(source, str) and any(mark in source for mark in ("\n", ": ", "{"))
    name = "manifest" if is_text or not str(source).strip() else str(source)
    text = str(source) if name == "manifest" else _read(Path(source))
    try:
        documents = [d for d in dialect.read_all(text) if d is not None]
    except yaml.YAMLError as error:
        raise _invalid(name, *_yaml_problem(error)) from None
    if not documents:
        raise _invalid(name, "is empty, expected a manifest of kind AkidJob.")
    if len(documents) > 1:
        raise _invalid(
            name,
            f"expected one document, received {len(documents)}.",
            "Put each job into its own file.",
        )
    if not isinstance(documents[0], dict):
        raise _invalid(name, f"expected a mapping, received {received(documents[0])}.")
    return cast("dict[str, Any]", documents[0])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _invalid(str(path), f"cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise _invalid(str(path), f"expected UTF-8 text, received byte {error.start} of another kind.") from None


def _invalid(path: str, problem: str, hint: str = "") -> InvalidManifestError:
    return InvalidManifestError([InvalidSpecError(path, problem, hint)])


def _yaml_problem(error: yaml.YAMLError) -> tuple[str, str]:
    """(problem, hint) of a YAML error, with line and column."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"is not YAML: {' '.join(str(error).split())}.", ""
    mark = error.problem_mark
    hint = "Indent with spaces, not tabs." if "'\\t'" in str(error.problem) else ""
    context = f" {error.context}" if error.context else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}{context}.", hint


def check_tree(manifest: object) -> None:
    """Refuse what is not a tree of JSON: keys that are no texts, cycles, bombs of aliases."""
    if not isinstance(manifest, Mapping):
        raise _invalid("manifest", f"expected a mapping, received {received(manifest)}.")
    nodes = 0
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), manifest)]
    while stack:
        loc, value = stack.pop()
        nodes += 1
        if nodes > MAX_NODES or len(loc) > MAX_DEPTH:
            limits = f"(limits: {MAX_NODES} values, depth {MAX_DEPTH})"
            raise _invalid(field_path(loc[:8]), f"is too large or refers to itself {limits}.")
        stack += [((*loc, key), item) for key, item in _children(loc, value)]


def _children(loc: tuple[str | int, ...], value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, list):
        return list(enumerate(cast("list[Any]", value)))
    if not isinstance(value, Mapping):
        return []
    mapping = cast("Mapping[Any, Any]", value)
    for key in mapping:
        if not isinstance(key, str):
            problem = f"expected a text as key, received {received(key)}."
            raise _invalid(field_path(loc), problem, "Put it into quotes.")
    return list(mapping.items())
