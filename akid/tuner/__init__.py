"""Tuning: one template of a Kid, many parameters, every GPU busy (paper, section 3.1.2)."""

from akid.tuner.optuna_strategy import OptunaStrategy
from akid.tuner.result import TuneResult
from akid.tuner.strategies import GridStrategy, Proposal, RandomStrategy, Strategy
from akid.tuner.trial import Status, Trial
from akid.tuner.tune import tune

__all__ = [
    "GridStrategy",
    "OptunaStrategy",
    "Proposal",
    "RandomStrategy",
    "Status",
    "Strategy",
    "Trial",
    "TuneResult",
    "tune",
]
