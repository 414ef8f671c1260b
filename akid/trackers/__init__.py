"""Experiment trackers: MLflow and Weights & Biases are told of a run if their environment variables ask for it."""

from akid.trackers.trackers import Trackers

__all__ = ["Trackers"]
