"""Engines: where a step runs."""

from akid.engines.base import Engine, Report, Tally
from akid.engines.single import SingleEngine

__all__ = ["Engine", "Report", "SingleEngine", "Tally"]
