"""The source of a function as a script of its own: with the imports and definitions of its module it uses."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from akid.errors import DataError

_DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)


def script_of(function: Callable[..., Any]) -> str:
    """A script that defines ``setup``, in the words of the function's module.

    Taken along are the imports, functions, classes and assignments at the top level of the module that the
    function uses, directly or through another of them, in the order of the module. A template's expressions
    (``{{ net_paras["bn"] }}``) are read as Python: they are sets of sets, which nobody ever calls.

    Args:
        function: written with ``def``, in a file or a notebook's cell.

    Raises:
        DataError: its source cannot be had, or it holds values of an outer function, which a script would not.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        source = textwrap.dedent(inspect.getsource(function))
        module = inspect.getsource(inspect.getmodule(function) or function)
        tree = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError) as error:
        raise DataError(
            f"setup must be a function whose source can be read. Received: setup={name} ({error})."
            " Write it into a file, or give its source as a text."
        ) from None
    if not isinstance(tree, ast.FunctionDef) or tree.name != name:
        raise DataError(f"setup must be a function written with `def`. Received: setup={name}")
    captured = getattr(function, "__code__", None) and function.__code__.co_freevars
    if captured:
        raise DataError(
            f"setup must not use variables of the function around it, since its source runs as a script of its"
            f" own. Received: setup={name}, which uses {', '.join(captured)}. Give them as parameters."
        )
    used = _definitions_for(_names_in(tree), module, leave_out=tree.name)
    alias = "" if tree.name == "setup" else f"\n\nsetup = {tree.name}\n"
    return "\n".join([*used, *([""] if used else []), source.rstrip("\n")]) + alias + "\n"


def _definitions_for(names: set[str], module: str, leave_out: str) -> list[str]:
    """The texts of the module's top-level statements that define the names, and what those use in turn."""
    statements = [node for node in ast.parse(module).body if isinstance(node, _DEFINITIONS)]
    wanted, known, chosen = set(names), set[str](), set[int]()
    while wanted - known:
        new, known = wanted - known, set(wanted)
        for index, node in enumerate(statements):
            if index not in chosen and new & _defined_by(node) - {leave_out}:
                chosen.add(index)
                wanted |= _names_in(node)
    lines = module.splitlines()
    nodes = [statements[index] for index in sorted(chosen)]
    return ["\n".join(lines[_first_line(node) - 1 : node.end_lineno]) for node in nodes]


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _defined_by(node: ast.stmt) -> set[str]:
    """The names a statement defines."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _names_in(node: ast.AST) -> set[str]:
    """The names a piece of code uses."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
