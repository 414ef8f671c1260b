"""What a server says no to."""

from __future__ import annotations

from akid.errors import AkidError


class RefusedError(AkidError):
    """A request is not answered.

    Args:
        status: of HTTP.
        message: what is wrong and how to mend it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
