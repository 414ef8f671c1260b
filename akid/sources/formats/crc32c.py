"""CRC-32C (Castagnoli), as TFRecord files have it, of many messages at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF
#: Bytes that are looked up beside each other; what they come to is put together by halves.
_BLOCK = 64


def masked_crc32c(messages: Sequence[bytes]) -> np.ndarray:
    """TFRecord's checksums of messages, uint32 ``[messages]``: their CRC-32C, rotated by 15 bits, plus a constant.

    A checksum is linear in the bits of its message, so every byte adds (xor) what its value and its place make.
    """
    if not messages:
        return np.zeros(0, np.uint32)
    counts = [-(-(len(message) + len(_PREFIX)) // _BLOCK) for message in messages]
    padded = [(_PREFIX + m).rjust(n * _BLOCK, b"\0") for m, n in zip(messages, counts, strict=True)]
    blocks = np.frombuffer(b"".join(padded), np.uint8).reshape(-1, _BLOCK)
    found = np.zeros(len(blocks), np.uint32)
    for table, column in zip(_TABLES, np.ascontiguousarray(blocks.T), strict=True):
        found ^= table[column]
    crc = ~_joined(found, np.array(counts))
    return ((crc >> 15) | (crc << 17)) + np.uint32(0xA282EAD8)


def _joined(parts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """What the blocks of each message come to: neighbours are joined until there is one for each message."""
    width = 1 << int(counts.max() - 1).bit_length()
    rows = np.zeros([len(counts), width], np.uint32)
    rows[np.arange(width) >= width - counts[:, None]] = parts
    shift = _SHIFT
    while rows.shape[1] > 1:
        rows = _apply(shift, rows[:, ::2]) ^ rows[:, 1::2]
        shift = _apply(shift, shift)
    return rows[:, 0]


def _apply(shift: np.ndarray, crc: np.ndarray) -> np.ndarray:
    """Checksums after as many zero bytes as the tables ``[4, 256]`` of a shift are for."""
    return shift[0][crc & 0xFF] ^ shift[1][(crc >> 8) & 0xFF] ^ shift[2][(crc >> 16) & 0xFF] ^ shift[3][crc >> 24]


def _after_zeros(crc: np.ndarray, count: int) -> np.ndarray:
    for _ in range(8 * count):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(_POLYNOMIAL), crc >> 1)
    return crc


def _tables() -> np.ndarray:
    """By place in a block and value, uint32 ``[_BLOCK, 256]``: what a byte comes to at the end of the block."""
    last = _after_zeros(np.arange(256, dtype=np.uint32), 1)
    tables = [last]
    while len(tables) < _BLOCK:
        tables.append(last[tables[-1] & 0xFF] ^ (tables[-1] >> 8))
    return np.stack(tables[::-1])


def _prefix() -> bytes:
    """Four bytes that turn a checksum of 0 into the one it begins with, all bits set: 32 steps back from there."""
    crc = _ALL
    for _ in range(32):
        crc = (((crc ^ _POLYNOMIAL) << 1) | 1) & _ALL if crc >> 31 else crc << 1
    return crc.to_bytes(4, "little")


_TABLES = _tables()
_SHIFT = _after_zeros(np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32))[:, None], _BLOCK)
_PREFIX = _prefix()
