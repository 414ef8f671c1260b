"""Bodies of requests: not larger than allowed, also unpacked, and not slower."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import Request

from akid.serving.refusal import RefusedError

#: Content encodings, and the kind of header zlib looks for.
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


async def body_of(request: Request, limit: int, seconds: float) -> bytes:
    """All of a body.

    Args:
        request: its body is not read yet.
        limit: bytes, packed and unpacked.
        seconds: it may take.

    Raises:
        RefusedError: it is too large or too slow, or cannot be unpacked.
    """
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise RefusedError(408, f"The body did not come within {seconds:g} s.") from None
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return bytes(body)
    return await asyncio.to_thread(unpacked, bytes(body), encoding, limit)


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """A body without its content encoding.

    Args:
        body: packed.
        encoding: ``gzip`` or ``deflate``.
        limit: bytes; no more are unpacked, however many there are.

    Raises:
        RefusedError: it is too large, damaged, or packed in another way.
    """
    if encoding not in _WINDOWS:
        raise RefusedError(415, f"A body may be packed by {' or '.join(_WINDOWS)}. Received: {encoding!r}")
    unpacking = zlib.decompressobj(_WINDOWS[encoding])
    try:
        found = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise RefusedError(400, f"The body is no {encoding}: {error}.") from None
    if len(found) > limit:
        raise _too_large(limit)
    if not unpacking.eof:
        raise RefusedError(400, f"The body is cut: its {encoding} has no end.")
    return found


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, f"A request may have {limit} bytes; send fewer examples at once.")
