"""What is wrong with a declarative kid, collected so that all of it can be told at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from akid.errors import AkidError, InvalidSpecError
from akid.job.manifest.problems import InvalidManifestError


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
            arguments: below it; if the message speaks of one of them, that is the field.
        """
        try:
            yield
        except InvalidSpecError as error:
            self.found.append(error)
        except AkidError as error:
            self.add(argument_path(path, str(error), arguments), str(error))
        except Exception as error:
            self.add(path, f"cannot be used: {type(error).__name__}: {first_line(error)}")

    def check(self) -> None:
        """Raise what was found.

        Raises:
            InvalidManifestError: with every problem.
        """
        if self.found:
            raise InvalidManifestError(self.found)


def argument_path(path: str, message: str, arguments: Collection[str]) -> str:
    """The path of the argument a message of a constructor speaks of.

    Messages have one of these forms: ``conv1: ksize must be ...``, ``best_metric: ...``,
    ``... Received: ksize=[0]``; one that received several arguments speaks of none of them alone.
    """
    for form in (r"(?:[^:]+: )?(\w+) must", r"(\w+)(?::|=\S+ needs| needs)"):
        subject = re.match(form, message)
        if subject and subject[1] in arguments:
            return f"{path}.{subject[1]}"
    _, received, values = message.rpartition("Received: ")
    named = [name for name in re.findall(r"(?:^|, )(\w+)=", values) if received and name in arguments]
    return f"{path}.{named[0]}" if len(named) == 1 else path


def first_line(error: BaseException) -> str:
    """An error's message in one line, without TensorFlow's words on its graph."""
    return (str(error).splitlines() or [""])[0].partition(" for '{{node")[0]
