"""Engines: where a step runs."""

from akid.engines.base import Duty, Engine, Report, Tally
from akid.engines.data_parallel import DataParallelEngine
from akid.engines.multi_worker import MultiWorkerEngine
from akid.engines.parameter_server import ParameterServerEngine
from akid.engines.single import SingleEngine

__all__ = [
    "DataParallelEngine",
    "Duty",
    "Engine",
    "MultiWorkerEngine",
    "ParameterServerEngine",
    "Report",
    "SingleEngine",
    "Tally",
]
