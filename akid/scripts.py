"""Kids in Python: a script that is a jinja2 template, or a module of an image."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from akid.errors import AkidError, InvalidSpecError, near_match
from akid.kids import Kid

#: The module name under which a script runs.
SCRIPT_MODULE = "akid_job_script"


class UserCodeError(AkidError):
    """A script or a module raised an exception; it is the cause of this one."""


def render(source: str, params: Mapping[str, Any], path: str = "spec.kid.script") -> str:
    """Fill the template; values are inserted as Python literals, so that strings keep their quotes.

    Args:
        source: Python with ``{{ expressions }}`` of the params (paper, section 3.1.2).
        params: e.g. ``{"net_paras": {...}, "opt_paras": {...}}``.
        path: of the script in the manifest.

    Raises:
        InvalidSpecError: with the line, if the template is wrong or a value is not given.
    """
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, finalize=_literal, autoescape=False)
    try:
        return environment.from_string(source).render(**params)
    except jinja2.TemplateSyntaxError as error:
        raise InvalidSpecError(path, f"line {error.lineno}: the template is wrong: {error.message}.") from None
    except jinja2.UndefinedError as error:
        known = ", ".join(params) or "none"
        problem = f"line {_template_line(error)}: {error.message}. Given params: {known}."
        raise InvalidSpecError(path, problem) from None


def _literal(value: Any) -> Any:
    # jinja2 tests its own markers with this function too: those must pass unchanged.
    return value if isinstance(value, jinja2.Undefined) else repr(value)


def _template_line(error: BaseException) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def kid_of_script(source: str, path: str = "spec.kid.script") -> Kid:
    """Run a rendered script and call its ``setup()``.

    Raises:
        InvalidSpecError: it is not Python, or has no ``setup()`` that returns a Kid.
        UserCodeError: it raised an exception.
    """
    module = types.ModuleType(SCRIPT_MODULE)
    sys.modules[SCRIPT_MODULE] = module
    try:
        code = compile(source, f"<{path}>", "exec")
    except SyntaxError as error:
        raise InvalidSpecError(
            path, f"line {error.lineno}: {error.msg}: {(error.text or '').strip()!r}."
        ) from None
    _run(lambda: exec(code, vars(module)), path)
    return _call_setup(module, "setup", {}, path)


def kid_of_module(spec: str, params: Mapping[str, Any], path: str = "spec.kid.module") -> Kid:
    """Import ``package.module:function`` and call the function with the params.

    Raises:
        InvalidSpecError: there is no such module or function, or it returns no Kid.
        UserCodeError: it raised an exception.
    """
    name, _, function = spec.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = _run(lambda: importlib.import_module(name), path)
    except UserCodeError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and name.startswith(str(cause.name)):
            problem = f"there is no module {cause.name!r} in the current directory or the Python path."
            raise InvalidSpecError(path, problem) from None
        raise
    return _call_setup(module, function or "setup", params, path)


def _call_setup(module: types.ModuleType, name: str, params: Mapping[str, Any], path: str) -> Kid:
    setup = getattr(module, name, None)
    if not callable(setup):
        functions = [n for n, v in vars(module).items() if inspect.isfunction(v)]
        problem = f"expected a function {name}() that returns a Kid; there is none."
        raise InvalidSpecError(path, problem, near_match(name, functions))
    try:
        arguments = inspect.signature(setup).bind(**params)
    except TypeError as error:
        raise InvalidSpecError(f"{path.rpartition('.')[0]}.params", f"{name}(): {error}.") from None
    kid = _run(lambda: setup(*arguments.args, **arguments.kwargs), path)
    if not isinstance(kid, Kid):
        raise InvalidSpecError(path, f"expected {name}() to return a Kid, received {kid!r}.")
    return kid


def _run(code: Callable[[], Any], path: str) -> Any:
    """Run a user's code. Errors of akid pass; what else it raises is the cause of a `UserCodeError`."""
    try:
        return code()
    except AkidError:
        raise
    except Exception as error:
        raise UserCodeError(f"{path}: {type(error).__name__}: {error}") from error
