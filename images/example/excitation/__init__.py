"""A researcher's own package: a block of its own, and `setup()`, which an AkidJob names as its module."""

from excitation.kid import setup

__all__ = ["setup"]
