"""Prometheus' text format. It needs the standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: What follows a family's name in a sample, its labels, its value.
Sample = tuple[str, Mapping[str, str], float]


def family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    """The lines of one metric.

    Args:
        name: of the metric.
        kind: ``gauge``, ``counter`` or ``histogram``.
        text: what it is, for people.
        samples: its values.
    """
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for suffix, labels, value in samples:
        marks = ",".join(f'{label}="{_escaped(given)}"' for label, given in labels.items())
        lines.append(f"{name}{suffix}{f'{{{marks}}}' if marks else ''} {value}")
    return lines


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
