"""TFRecordSource: examples in TFRecord files."""

from __future__ import annotations

import glob
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from akid.backend import tf
from akid.errors import DataError, MissingDataError
from akid.sources.base import SPLITS, SourceOptions
from akid.sources.files import damaged, unreadable
from akid.sources.formats.crc32c import masked_crc32c
from akid.sources.formats.record_index import RecordIndex, record_index
from akid.sources.formats.tf_example import Feature, wrong_picture
from akid.sources.reading import ReadingSource

#: Files kept open at once; with more each record opens its file.
_OPEN_FILES = 512


class TFRecordSource(ReadingSource):
    """Serialised ``tf.train.Example`` in TFRecord files, read by index and parsed a batch at a time.

    Where each record lies is found once and kept in ``work_dir`` (`akid.sources.formats.record_index`), so that
    shuffling is exact, over all files, without a buffer. Files must not be compressed. The checksums of data are
    verified whenever they are read.

    Args:
        features: what is in an example, by its key: ``{"image": {"dtype": "uint8", "shape": [32, 32, 3],
            "encoding": "raw"}, "label": {"dtype": "int64", "shape": []}}``; see
            `akid.sources.formats.tf_example.Feature`.
        train, val, test: the files of a split: a pattern such as ``train-*.tfrecord``, or several, below
            ``work_dir``. Files are taken in the order of their names.
        data: which feature is the data.
        labels: which are the labels.
        work_dir: the directory.
        **options: see `Source`.
    """

    def __init__(
        self,
        features: Mapping[str, Mapping[str, Any]],
        train: str | Sequence[str] | None = None,
        val: str | Sequence[str] | None = None,
        test: str | Sequence[str] | None = None,
        data: str = "image",
        labels: Sequence[str] = ("label",),
        work_dir: str = ".",
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(**options)
        self.work_dir = Path(self.check.path("work_dir", work_dir)).expanduser()
        features = self.check.mapping("features", features)
        keys = (self.check.text("data", data), *self.check.texts("labels", labels))
        self.features = [Feature.of(key, features, self.name) for key in keys]
        given = {"train": train, "val": val, "test": test}
        self._patterns = {
            split: list(self.check.texts(split, [patterns] if isinstance(patterns, str) else patterns))
            for split, patterns in given.items()
            if patterns is not None
        }
        if not self._patterns:
            raise DataError(f"{self.name} needs the files of a split: train='train-*.tfrecord', for example.")
        self._open: dict[Path, int] = {}
        self._dead: list[int] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._open, self._dead)

    def _setup(self) -> None:
        self._index = {s: record_index(self._find(s), self.work_dir) for s in SPLITS if s in self._patterns}
        for split, index in self._index.items():
            if not len(index):
                raise DataError(f"{self.name}: the files of {split!r} have no records: {_listed(index.files)}")
            self._examine(index, 0, self._record(index, 0)[:-4])

    def _find(self, split: str) -> list[Path]:
        files: list[Path] = []
        for pattern in self._patterns[split]:
            # A file that is called so is meant, even where its name is a pattern that does not match itself.
            literal = self.work_dir / pattern
            matches = glob.glob(os.path.join(glob.escape(str(self.work_dir)), pattern))
            found = [literal] if literal.is_file() else sorted(matches)
            if not found:
                there = sorted(entry.name for entry in os.scandir(self.work_dir)) if self.work_dir.is_dir() else []
                raise MissingDataError(
                    f"{self.name}: no file is called {pattern!r} in {self.work_dir} (work_dir), which has"
                    f" {', '.join(there[:12]) or 'nothing'}. Received: {split}={self._patterns[split]!r}"
                )
            files += map(Path, found)
        return files

    def size(self, split: str) -> int:
        """How many records a split has."""
        return len(self._index[split]) if split in self._index else 0

    def signature(self) -> list[tf.TensorSpec]:
        """The features' shapes and dtypes, the batch dimension None."""
        return [tf.TensorSpec([None, *f.shape], f.dtype) for f in self.features]

    def read(self, split: str, indices: np.ndarray) -> list[np.ndarray]:
        """See `ReadingSource.read`."""
        index = self._index[split]
        records = [self._record(index, int(i)) for i in indices]
        wrong = np.flatnonzero(masked_crc32c([r[:-4] for r in records]) != _checksums(records))
        if len(wrong):
            problem = f"is damaged: the data of record {index.place(int(indices[wrong[0]]))} have a wrong checksum"
            raise damaged(index.path(int(indices[wrong[0]])), problem)
        try:
            return self._parsed([record[:-4] for record in records])
        except (tf.errors.OpError, ValueError):
            for number, record in zip(indices, records, strict=True):
                self._check(index, int(number), record[:-4])
            raise

    def _parsed(self, serialised: Sequence[bytes]) -> list[np.ndarray]:
        """Examples as arrays; by ops that run in the thread that calls, see `ImageFolderSource`."""
        with tf.device("CPU"):
            parsed = tf.io.parse_example(
                np.array(serialised, object), {f.key: f.parsed_as() for f in self.features}
            )
            return [feature.decode(parsed[feature.key].numpy()) for feature in self.features]

    def _check(self, index: RecordIndex, number: int, serialised: bytes) -> None:
        """Raises a DataError that says what is wrong with a record, if anything is."""
        place = self._examine(index, number, serialised)
        try:
            self._parsed([serialised])
        except (tf.errors.OpError, ValueError):
            raise wrong_picture(place) from None

    def _examine(self, index: RecordIndex, number: int, serialised: bytes) -> str:
        """The same without TensorFlow, which must not start before an engine has set it up; the record's place."""
        place = f"record {index.place(number)} of {index.path(number)}"
        example = tf.train.Example()
        try:
            example.ParseFromString(serialised)
        except Exception:  # protobuf's, which is not akid's to import
            raise DataError(f"{place} is no tf.train.Example.") from None
        for feature in self.features:
            feature.check(example, place)
        return place

    def _record(self, index: RecordIndex, number: int) -> bytes:
        """The data of a record and, four bytes, their checksum."""
        path = index.path(number)
        offset, length = int(index.offset[number]), int(index.length[number]) + 4
        try:
            if len(index.files) > _OPEN_FILES:
                with path.open("rb", buffering=0) as file:
                    content = os.pread(file.fileno(), length, offset)
            else:
                content = self._pread(path, length, offset)
        except OSError as error:
            raise unreadable(path, error) from None
        if len(content) < length:
            raise damaged(path, f"has become shorter: it ends within the record at byte {offset:,}")
        return content

    def _pread(self, path: Path, length: int, offset: int) -> bytes:
        with self._lock:
            if path not in self._open:
                self._open[path] = os.open(path, os.O_RDONLY)
            handle = self._open[path]
        try:
            return os.pread(handle, length, offset)
        except OSError:
            with self._lock:
                if self._open.get(path) == handle:
                    del self._open[path]
                    self._dead.append(handle)  # not closed: another thread may be about to read from this number
            raise


def _close(handles: dict[Path, int], dead: list[int]) -> None:
    for handle in (*handles.values(), *dead):
        with suppress(OSError):  # the file system of a dead one is gone
            os.close(handle)
    handles.clear()
    dead.clear()


def _checksums(records: Sequence[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(record[-4:] for record in records), "<u4")


def _listed(files: Sequence[Path]) -> str:
    return ", ".join(str(f) for f in files[:12]) + (", ..." if len(files) > 12 else "")
