"""Kids in Python: a script that is a jinja2 template, or a module of an image."""

from __future__ import annotations

import importlib
import inspect
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from akid.errors import AkidError, InvalidSpecError, UserCodeError, near_match
from akid.kids.kid import Kid

#: The module name under which a script runs.
SCRIPT_MODULE = "akid_job_script"


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
        problem = f"line {_line_in(error, '<template>')}: {error.message}. Given params: {known}."
        raise InvalidSpecError(path, problem) from None
    except Exception as error:
        problem = f"line {_line_in(error, '<template>')}: {type(error).__name__}: {error}."
        raise InvalidSpecError(path, problem) from None


def _literal(value: Any) -> Any:
    # jinja2 tests its own markers with this function too: those must pass unchanged.
    return value if isinstance(value, jinja2.Undefined) else repr(value)


def _line_in(error: BaseException, file: str) -> int:
    """The innermost line of a file an error passed through; 0 if it did not."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def kid_of_script(source: str, path: str = "spec.kid.script") -> Kid:
    """Run a rendered script and call its ``setup()``.

    The script is a module of the process from then on, `SCRIPT_MODULE`, so that tracebacks, ``inspect`` and
    pickles find what it defines.

    Args:
        source: Python. Its ``setup`` may take one argument called ``graph``, as in the paper (section 3.1.2);
            it is None, since there is no graph to build in any more.
        path: of the script in the manifest.

    Raises:
        InvalidSpecError: it is not Python, has no ``setup()`` that returns a Kid, or uses akid wrongly; with
            the line.
        UserCodeError: it raised an exception.
    """
    module = types.ModuleType(SCRIPT_MODULE)
    module.__file__ = file = f"<{path}>"
    sys.modules[SCRIPT_MODULE] = module
    # So that tracebacks and `inspect` show the lines.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        code = compile(source, file, "exec")
    except SyntaxError as error:
        problem = f"line {error.lineno}: {error.msg}: {(error.text or '').strip()!r}."
        raise InvalidSpecError(path, problem) from None
    except ValueError as error:
        raise InvalidSpecError(path, f"it is not Python: {error}.") from None
    _run(lambda: exec(code, vars(module)), file, path)
    takes_graph = "graph" in _parameters(getattr(module, "setup", None))
    return _call_setup(module, "setup", {"graph": None} if takes_graph else {}, path)


def kid_of_module(spec: str, params: Mapping[str, Any], path: str = "spec.kid.module") -> Kid:
    """Import ``package.module:function`` and call the function with the params.

    As with ``python -m``, the current directory comes first in the Python path, and stays there: what the module
    imports later, during the run, lies there too. If there is no such module it is taken out again.

    Raises:
        InvalidSpecError: there is no such module or function, it returns no Kid, or uses akid wrongly.
        UserCodeError: it raised an exception.
    """
    name, _, function = spec.partition(":")
    path_before = list(sys.path)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = _run(lambda: importlib.import_module(name), f"{name.rpartition('.')[2]}.py", path)
    except UserCodeError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}."):
            sys.path[:] = path_before
            problem = f"there is no module {cause.name!r} in the current directory or the Python path."
            raise InvalidSpecError(path, problem) from None
        raise
    return _call_setup(module, function or "setup", params, path)


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters if inspect.isfunction(function) else {}


def _call_setup(module: types.ModuleType, name: str, params: Mapping[str, Any], path: str) -> Kid:
    setup = getattr(module, name, None)
    if not callable(setup):
        functions = [n for n, v in vars(module).items() if inspect.isfunction(v)]
        problem = f"expected a function {name}() that returns a Kid; there is none."
        raise InvalidSpecError(path, problem, near_match(name, functions))
    try:
        arguments = inspect.signature(setup).bind(**params)
    except TypeError as error:
        if path.endswith("script"):
            problem = f"{name}() takes no arguments, since values are filled into the script: {error}."
            raise InvalidSpecError(path, problem) from None
        raise InvalidSpecError(f"{path.rpartition('.')[0]}.params", f"{name}(): {error}.") from None
    kid = _run(lambda: setup(*arguments.args, **arguments.kwargs), str(module.__file__), path)
    if not isinstance(kid, Kid):
        hint = f"Does {name}() end with `return kid`?" if kid is None else ""
        raise InvalidSpecError(path, f"expected {name}() to return a Kid, received {kid!r}.", hint)
    return kid


def _run(code: Callable[[], Any], file: str, path: str) -> Any:
    """Run a user's code. Errors of akid become problems of its line; others are the cause of a `UserCodeError`."""
    try:
        return code()
    except InvalidSpecError:
        raise
    except AkidError as error:
        line = _line_in(error, file)
        raise InvalidSpecError(path, f"line {line}: {error}" if line else str(error)) from error
    except Exception as error:
        raise UserCodeError(f"{path}: {type(error).__name__}: {error}") from error
