"""A plain JSON client of the API server, for what the tests set up and look at."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """An answer of 400 or more."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Api:
    """The API server as one user sees it. Paths are the server's: `/api/v1/namespaces/x/pods`."""

    def __init__(self, url: str, authority: Path | None, token: str, timeout: float = 10) -> None:
        self._url = url
        self._authority = authority
        self._token = token
        self._timeout = timeout
        self._opener: urllib.request.OpenerDirector | None = None

    def get(self, path: str, timeout: float | None = None) -> Any:
        """Read an object or a list; an OSError after so many seconds without an answer."""
        return self.request("GET", path, timeout=timeout)

    def create(self, path: str, body: dict[str, Any]) -> Any:
        """Create an object in the collection at `path`."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Merge `body` into an object."""
        return self.request("PATCH", path, body, MERGE_PATCH)

    def delete(self, path: str) -> Any:
        """Delete an object or a collection."""
        return self.request("DELETE", path)

    def find(self, path: str) -> Any | None:
        """Read an object that may not exist."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def answers(self) -> bool:
        """Whether the server is up, and ready by its own judgement."""
        try:
            self.request("GET", "/readyz")
        except (ApiError, OSError):
            return False
        return True

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> Any:
        """One request; JSON answers are decoded, others returned as text."""
        headers = {"Content-Type": content_type} | (
            {"Authorization": f"Bearer {self._token}"} if self._token else {}
        )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with self._open(request, timeout or self._timeout) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, error.read().decode()) from None
        return json.loads(text) if text.startswith("{") else text

    def _open(self, request: urllib.request.Request, timeout: float) -> Any:
        """Past any proxy. The authority, if any, is read late: a starting server has yet to write it."""
        if self._opener is None:
            tls = ssl.create_default_context(cafile=None if self._authority is None else str(self._authority))
            https = urllib.request.HTTPSHandler(context=tls)
            self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
        return self._opener.open(request, timeout=timeout)
