"""A declarative kid whose values are templates: ``{{ opt_paras["lr"] }}`` in any text of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jinja2

from akid.errors import InvalidSpecError
from akid.job.api.kid import Kid
from akid.job.manifest.problems import join
from akid.runs.flat import flat

_ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
_ALONE = re.compile(r"\s*\{\{((?:(?!\}\}).)*)\}\}\s*", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{|\{%")


def filled_arguments(spec: Kid) -> dict[str, Any]:
    """The arguments of a declarative kid, its params filled in if it has some; see `fill`."""
    arguments = spec.arguments()
    params = arguments.pop("params", None) if spec.module is None else None
    return arguments if params is None else fill(arguments, params)


def fill(value: Any, params: Mapping[str, Any], path: str = "spec.kid") -> Any:
    """A copy of plain dicts, lists and scalars in which the templates are filled in.

    A text that is one expression becomes its value, so that numbers stay numbers and dicts stay dicts; in a
    longer text values are inserted as texts.

    Args:
        value: a declarative kid, or a part of it.
        params: e.g. ``{"net_paras": {...}, "opt_paras": {...}}``.
        path: of the value in the manifest.

    Raises:
        InvalidSpecError: a template is wrong, or a value is not given; with the path of the text.
    """
    if isinstance(value, Mapping):
        return {key: fill(item, params, join(path, str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, params, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, str) and _TEMPLATE.search(value):
        return _filled(value, params, path)
    return value


def is_template(value: Any) -> bool:
    """Whether any text of a value is a template."""
    return any(isinstance(text, str) and _TEMPLATE.search(text) for text in flat(value).values())


def _filled(text: str, params: Mapping[str, Any], path: str) -> Any:
    alone = _ALONE.fullmatch(text)
    try:
        if alone is None:
            return _ENVIRONMENT.from_string(text).render(**params)
        result = _ENVIRONMENT.compile_expression(alone[1], undefined_to_none=False)(**params)
        if isinstance(result, jinja2.Undefined):
            str(result)  # raises, and tells what is not given
        return result
    except jinja2.UndefinedError as error:
        problem = f"{error.message}, in {text!r}. Given params: {', '.join(params) or 'none'}."
    except jinja2.TemplateError as error:
        problem = f"the template is wrong: {error.message}, in {text!r}."
    except Exception as error:  # what an expression of the user's raises
        problem = f"{type(error).__name__}: {error}, in {text!r}."
    raise InvalidSpecError(path, problem) from None
