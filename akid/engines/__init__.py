"""Engines: where a step runs."""

from akid.engines.base import Engine, Report, Tally
from akid.engines.data_parallel import DataParallelEngine
from akid.engines.multi_worker import MultiWorkerEngine
from akid.engines.single import SingleEngine

__all__ = ["DataParallelEngine", "Engine", "MultiWorkerEngine", "Report", "SingleEngine", "Tally"]
