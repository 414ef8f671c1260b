"""Download of a data set's files: resumed, checked, renamed into place only when whole."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import logging
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from akid.errors import DataError
from akid.sources.download_progress import DownloadProgress

logger = logging.getLogger(__name__)
_CHUNK = 1 << 18
#: Answers that may be better the next time.
_PASSING = {408, 425, 429, 500, 502, 503, 504}
#: The network's errors; other errors of the system are those of writing the file.
_BROKEN = (urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException)


class _TryAgainError(Exception):
    """What went wrong may go right the next time; what has arrived is kept."""


def download(
    url: str,
    path: Path,
    sha256: str | None = None,
    *,
    tries: int = 5,
    timeout: float = 30.0,
    wait: Callable[[float], None] = time.sleep,
) -> Path:
    """Bring a file here, unless it is here already.

    What has arrived is kept in ``<name>.part`` and resumed by HTTP Range, by a later process too; one process at a
    time downloads a file. Passing failures are tried again after 1, 2, 4 ... seconds.

    Args:
        url: http or https.
        path: where it is to lie; its directory is made.
        sha256: hexadecimal checksum it must have; not checked if left out.
        tries, timeout: attempts in a row that bring nothing new; seconds of silence that end one.
        wait: sleeps; for tests.

    Raises:
        DataError: it cannot be had, or is not what it should be.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"A url must begin with http:// or https://. Received: url={url!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_name(".download.lock")):
            if not path.exists():
                part = path.with_name(path.name + ".part")
                _fetch_all(url, part, tries, timeout, wait)
                _put_in_place(url, part, path, sha256)
    except OSError as error:
        raise DataError(f"Cannot write {path}, which is to be downloaded from {url}: {error.strerror}.") from None
    return path


def _put_in_place(url: str, part: Path, path: Path, sha256: str | None) -> None:
    _verify(url, part, sha256)
    part.replace(path)
    _tag_file(part).unlink(missing_ok=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time, where the file system knows locks. The empty file stays: to remove it would race."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            logger.warning("no lock on %s: do not download from two processes at once", lock)
        yield


def _fetch_all(url: str, part: Path, tries: int, timeout: float, wait: Callable[[float], None]) -> None:
    """Attempts until the file is whole; one that brought something new does not count."""
    failures = 0
    while True:
        before = _size(part)
        try:
            return _fetch(url, part, timeout)
        except _TryAgainError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= tries:
                raise DataError(
                    f"Cannot download {url}: {error}, after {tries} attempts. What has arrived lies in {part};"
                    " run again to go on from there, or put the file there by hand."
                ) from None
            logger.info("download of %s: %s; attempt %d of %d follows", url, error, failures + 1, tries)
            wait(2.0 ** (failures - 1))


def _fetch(url: str, part: Path, timeout: float) -> None:
    """One attempt, from where ``part`` ends."""
    have, tag = _size(part), _tag(part, url)
    headers = {"User-Agent": "akid", "Accept-Encoding": "identity"}
    if have and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
            _receive(url, answer, part, have)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and error.headers.get("Content-Range", "").endswith(f"/{have}"):
            return  # all of it is here
        if error.code == 416:
            part.unlink(missing_ok=True)
            raise _TryAgainError("the part that is here does not fit the file there") from None
        if error.code in _PASSING:
            raise _TryAgainError(f"the server answers {error.code} {error.reason}") from None
        raise DataError(
            f"Cannot download {url}: the server answers {error.code} {error.reason}. Check the url, or put the"
            f" file into {part.parent} by hand."
        ) from None
    except _BROKEN as error:
        reason = getattr(error, "reason", None) or error
        raise _TryAgainError(f"{type(error).__name__}: {reason}") from None


def _receive(url: str, answer: http.client.HTTPResponse, part: Path, have: int) -> None:
    """Append the answer to ``part``, or begin anew if the server sends the whole file."""
    begin = have if answer.status == 206 else 0
    if answer.status == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        part.unlink(missing_ok=True)
        raise _TryAgainError("the server sent another range than asked for")
    length = answer.headers.get("Content-Length")
    total = None if length is None else begin + int(length)
    _remember(part, url, answer.headers)
    with part.open("ab" if begin else "wb") as file, DownloadProgress(part.stem, begin, total) as progress:
        arrived = begin + _copy(answer, file, progress)
    if total is not None and arrived < total:
        raise _TryAgainError(f"the connection broke after {arrived:,} of {total:,} bytes")


def _copy(answer: http.client.HTTPResponse, file: BinaryIO, progress: DownloadProgress) -> int:
    copied = 0
    while chunk := answer.read(_CHUNK):
        file.write(chunk)
        copied += len(chunk)
        progress.advance(len(chunk))
    return copied


def _verify(url: str, part: Path, sha256: str | None) -> None:
    if sha256 is None:
        return
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        size = _size(part)
        part.unlink()
        _tag_file(part).unlink(missing_ok=True)
        raise DataError(
            f"The checksum of {url} is wrong, so its {size:,} bytes were thrown away: the download was damaged or"
            f" the file has changed. Expected: sha256={sha256.lower()}. Received: sha256={found}"
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _remember(part: Path, url: str, headers: http.client.HTTPMessage) -> None:
    """Keep what tells whether the file there is still the same: a strong ETag, else the date."""
    etag = headers.get("ETag", "")
    tag = headers.get("Last-Modified", "") if not etag or etag.startswith("W/") else etag
    _tag_file(part).write_text(json.dumps({"url": url, "tag": tag}))


def _tag(part: Path, url: str) -> str:
    """The tag of the file that ``part`` is of; empty if it is of another, or there was none."""
    try:
        kept = json.loads(_tag_file(part).read_text())
        return kept["tag"] if kept["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
