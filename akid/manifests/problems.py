"""What is wrong with a declarative kid, collected so that all of it can be told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from akid.errors import AkidError, InvalidSpecError
from akid.job.manifest.problems import InvalidManifestError
from akid.op_errors import first_line


class Problems:
    """Collects errors of akid as problems of fields."""

    def __init__(self) -> None:
        self.found: list[InvalidSpecError] = []

    def add(self, path: str, problem: str, hint: str = "") -> None:
        """The field at ``path`` is wrong."""
        self.found.append(InvalidSpecError(path, problem, hint))

    @contextmanager
    def at(self, path: str, arguments: Collection[str] = ()) -> Iterator[None]:
        """Every error in this context is a problem of the field at ``path``.

        A manifest has no code that could fail, so an error that is not akid's is a wrong value too.

        Args:
            path: of the field.
            arguments: below it; if the error is about one of them, that is the field.
        """
        try:
            yield
        except InvalidSpecError as error:
            self.found.append(error)
        except AkidError as error:
            self.add(argument_path(path, error, arguments), str(error))
        except Exception as error:
            self.add(path, f"cannot be used: {type(error).__name__}: {first_line(error)}")

    def check(self) -> None:
        """Raise what was found.

        Raises:
            InvalidManifestError: with every problem.
        """
        if self.found:
            raise InvalidManifestError(self.found)


def argument_path(path: str, error: AkidError, arguments: Collection[str]) -> str:
    """The path of the argument that an error is about, if it is one of those below ``path``."""
    return f"{path}.{error.argument}" if error.argument in arguments else path
