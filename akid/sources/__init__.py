"""Sources: where examples come from, one family of data sets a file."""

from akid.sources.arrays import ArraySource
from akid.sources.base import InMemorySource, Source
from akid.sources.digits import DigitsSource

__all__ = ["ArraySource", "DigitsSource", "InMemorySource", "Source"]
