"""What can go wrong between the operator and the API server."""

from __future__ import annotations

from typing import Any, cast

from akid.errors import AkidError


class OperatorError(AkidError):
    """The base of the operator's errors."""


class NotLeaderError(OperatorError):
    """A write that was not sent, since another process may be the leader by now."""


class UnreachableError(OperatorError):
    """There was no answer, several times."""


class RewoundError(OperatorError):
    """The server's versions went back, as after a backup of etcd was restored: nothing that is known holds."""

    def __init__(self, what: str, known: int, found: int) -> None:
        super().__init__(
            f"the server's versions went back ({what}: {known}, now {found}), as when a backup is restored;"
            " this replica ends, and the next one begins with what there is"
        )


class ApiError(OperatorError):
    """The API server refused a request.

    Args:
        request: what was asked.
        status: the HTTP status code.
        body: the answer, usually a metav1.Status.
        retry_after: seconds the server asks to wait.
    """

    def __init__(self, request: str, status: int, body: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.reason = str(body.get("reason", ""))
        self.message = str(body.get("message", ""))
        details = body.get("details")
        self.details = cast("dict[str, Any]", details) if isinstance(details, dict) else {}
        self.retry_after = retry_after
        super().__init__(f"{request}: {status} {self.reason}: {self.message}")

    @property
    def causes(self) -> list[dict[str, Any]]:
        """What is wrong with the object, field by field."""
        return self.details.get("causes") or []

    @property
    def exists(self) -> bool:
        """Whether something of that name is there already."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def stale(self) -> bool:
        """Whether a precondition did not hold: the object is another one, or has changed."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def invalid(self) -> bool:
        """Whether the object itself is refused; sending it again is of no use."""
        return self.status in (400, 413, 422)

    @property
    def forbidden(self) -> bool:
        """Whether the caller may not do it, or admission is against it."""
        return self.status == 403

    @property
    def over_quota(self) -> bool:
        """Whether a ResourceQuota is used up."""
        return self.forbidden and "exceeded quota" in self.message
