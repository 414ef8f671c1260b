"""Plain scalars of YAML, and what kubectl makes of them."""

from __future__ import annotations

from typing import Any

TRUE = "y Y yes Yes YES true True TRUE on On ON"
FALSE = "n N no No NO false False FALSE off Off OFF"
NULL = "~ null Null NULL"
TEXTS = (
    "yEs tRue nULL oN _1 ._5 .1_ .e1 .1e .0x 1e 1e+ --1 +-1 0o8 0x 0b 0o 0b2 0x1p3 0x1.8p1 1,000 1.2.3 1:30"
    " 190:20:30 12:30:45.5 2001-01-01 2001-1-1 2001-12-14T21:59:43Z 12e4567 1e400 -1e400 infinity inf nan NaN"
    " .Infinity <<x + .. = 12e4567x"
)
NUMBERS: dict[str, float] = {
    "0": 0,
    "-0": 0,
    "-0.0": 0,
    "00": 0,
    "0_": 0,
    "0e0": 0,
    "1e-400": 0,
    "0o17": 15,
    "0O17": 15,
    "017": 15,
    "0_17": 15,
    "-017": -15,
    "-0o17": -15,
    "+0o1_7": 15,
    "08": 8,
    "-08": -8,
    "0_8": 8,
    "+08": 8,
    "09.5": 9.5,
    "08.5": 8.5,
    "1_000": 1000,
    "1__0": 10,
    "1_": 1,
    "1_000.5": 1000.5,
    "0x1F": 31,
    "0X1f": 31,
    "0x_1F": 31,
    "-0x10": -16,
    "0b101": 5,
    "-0b101": -5,
    "+0b11": 3,
    "0B1_1": 3,
    "1.": 1,
    ".5": 0.5,
    "+.5": 0.5,
    "-.5": -0.5,
    ".5_0": 0.5,
    ".1e2": 10,
    "1.e2": 100,
    "0.1_2": 0.12,
    "1e3": 1000,
    "1E3": 1000,
    "1e+3": 1000,
    "1e-3": 0.001,
    "1.5e3": 1500,
    "1e5_0": 1e50,
    "1.0": 1,
    "2.50": 2.5,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "9223372036854775808": 2.0**63,
    "18446744073709551616": 2.0**64,
    "4611686018427387904.0": 4611686018427388000,
    "1e18": 10**18,
    "1e20": 1e20,
    "1e-7": 1e-7,
    "5e-324": 5e-324,
    "1.7976931348623157e308": 1.7976931348623157e308,
    "0.1": 0.1,
}
SCALARS: dict[str, Any] = {
    **dict.fromkeys(TRUE.split(), True),
    **dict.fromkeys(FALSE.split(), False),
    **dict.fromkeys(NULL.split()),
    **{text: text for text in TEXTS.split()},
    **NUMBERS,
}
MERGES: dict[str, Any] = {
    "b: &b {x: 2, z: 1}\nc: {x: 1, <<: *b}\nd: {<<: *b, x: 3}\n": {
        "b": {"x": 2, "z": 1},
        "c": {"x": 2, "z": 1},
        "d": {"x": 3, "z": 1},
    },
    "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\n": {
        "a": {"x": 1},
        "b": {"x": 2, "z": 3},
        "c": {"x": 1, "z": 3},
    },
    "a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\nd: *b\ne: {<<: *b}\n": {
        "a": {"x": 1},
        "b": {"x": 2},
        "c": {"x": 3},
        "d": {"x": 2},
        "e": {"x": 2},
    },
}


def document(scalars: Any) -> str:
    """A line for each scalar, by number."""
    return "".join(f"k{i}: {text}\n" for i, text in enumerate(scalars))


def kinds(value: Any) -> Any:
    """A value with the types of what it holds; a number beyond 64 bits has none."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [kinds(item) for item in value]
    if isinstance(value, (int, float)) and not -(2**63) <= value < 2**63:
        return float(value)
    return type(value), value
