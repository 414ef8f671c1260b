"""Sources: where examples come from, one family of data sets a file."""

from akid.sources.arrays import ArraySource
from akid.sources.base import InMemorySource, Source
from akid.sources.cifar import CIFAR10Source, CIFAR100Source
from akid.sources.digits import DigitsSource
from akid.sources.images import ImageFolderSource
from akid.sources.mnist import MNISTFeedSource
from akid.sources.reading import ReadingSource
from akid.sources.streams import DatasetSource
from akid.sources.tfrecords import TFRecordSource

__all__ = [
    "ArraySource",
    "CIFAR10Source",
    "CIFAR100Source",
    "DatasetSource",
    "DigitsSource",
    "ImageFolderSource",
    "InMemorySource",
    "MNISTFeedSource",
    "ReadingSource",
    "Source",
    "TFRecordSource",
]
