"""What the driver answers when it does not do what it is asked for."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """The gRPC status codes the driver uses, in the meaning that CSI gives them."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Refusal(Exception):  # noqa: N818 - the request is at fault, or its time
    """A request is not met. The kubelet shows the text in an event of the pod and asks again later.

    Args:
        code: why, for programs.
        message: what is wrong, what was expected and what was received, for people.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
