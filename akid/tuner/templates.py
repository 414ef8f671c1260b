"""What is tuned: a template of a Kid, in any of its forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akid.errors import DataError
from akid.manifests.fill import fill
from akid.manifests.scripts import render
from akid.tuner.source_code import script_of

Setup = Callable[..., Any] | str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """A Kid with parameters to fill in.

    Attributes:
        kid: as in ``spec.kid``: declarative, a script, or a module, whose function is given the parameters.
        label: where it comes from, for errors.
    """

    kid: Mapping[str, Any]
    label: str = "setup"

    @classmethod
    def of(cls, setup: Setup) -> Template:
        """The template a user gives.

        Args:
            setup: a function ``setup()`` or ``setup(graph)`` (paper, section 3.1.2) whose source is a template;
                the path of a Python file, or its text; or a declarative kid as a dict.

        Raises:
            DataError: it is none of these.
        """
        if isinstance(setup, Mapping):
            return cls(setup)
        if isinstance(setup, Path) or (isinstance(setup, str) and "\n" not in setup and setup.endswith(".py")):
            return cls({"script": _text_of(Path(setup))}, str(setup))
        if isinstance(setup, str):
            return cls({"script": setup})
        if callable(setup):
            return cls({"script": script_of(setup)}, getattr(setup, "__name__", "setup"))
        raise DataError(
            "setup must be a function, the path or the text of a script that defines setup(), or a declarative"
            f" kid. Received: setup={setup!r}"
        )

    def filled(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """``spec.kid`` with the parameters filled in; a module's function fills in by itself.

        Raises:
            InvalidSpecError: the template is wrong, or a value is not given; with the line or the path.
        """
        if "script" in self.kid:
            return {**self.kid, "script": render(self.kid["script"], params, self.label)}
        if "module" in self.kid:
            return dict(self.kid)
        return fill({name: value for name, value in self.kid.items() if name != "params"}, params, self.label)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        problem = f"setup must be a script that can be read. Received: setup={str(path)!r} ({why})"
        raise DataError(problem) from None
