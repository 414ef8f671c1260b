"""Engines: where a step runs."""

from akid.engines.base import Engine, Report
from akid.engines.single import SingleEngine

__all__ = ["Engine", "Report", "SingleEngine"]
