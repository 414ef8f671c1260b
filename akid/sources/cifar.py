"""CIFAR10Source and CIFAR100Source: small pictures of things, in the binary or the python format."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Unpack

import numpy as np

from akid.checks import Check, optional
from akid.errors import DataError, MissingDataError
from akid.sources.arrays import cut
from akid.sources.base import InMemorySource, SourceOptions, checked_sizes
from akid.sources.files import DataFile, FileSet, damaged, mend_of
from akid.sources.formats.pickled import read_pickle

Format = Literal["auto", "binary", "python"]
_PUBLISHED = ("https://www.cs.toronto.edu/~kriz/", "http://www.cs.toronto.edu/~kriz/")
_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Layout:
    """One format of a data set: its archive, and the files in it."""

    archive: DataFile
    folder: str
    train: tuple[str, ...]
    test: str


class _CIFARSource(InMemorySource):
    """What both sets have in common."""

    #: By format, in the order in which they are looked for.
    layouts: ClassVar[Mapping[str, Layout]]
    #: Names of the labels, in the order of the binary format, and how many classes each has.
    kinds: ClassVar[Mapping[str, int]]
    default_dir: ClassVar[str]

    def __init__(
        self,
        wanted: Sequence[str],
        url: str | None,
        work_dir: str | None,
        format: Format,
        num_train: int | None,
        num_val: int,
        sha256: str | None,
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(**options)
        self.format = self.check.one_of("format", format, ("auto", *self.layouts))
        self.sizes = checked_sizes(self.check, num_train=num_train, num_val=num_val)
        self._wanted = tuple(wanted)
        self.sha256 = optional(self.check.text, "sha256", sha256)
        self.files = FileSet(self.check, work_dir, self.default_dir, url, published=_PUBLISHED)

    def load(self) -> Mapping[str, Sequence[np.ndarray]]:
        """Read the files, out of the archive if they are not there yet."""
        kind, layout = self._find()
        read = self._read_binary if kind == "binary" else self._read_python
        learnt = [read(self._path(layout, name)) for name in layout.train]
        tested = read(self._path(layout, layout.test))
        arrays = [np.concatenate(parts) for parts in zip(*learnt, strict=True)]
        parts = cut(arrays, self.sizes, self.name)
        return {**parts, "test": tested}

    def _find(self) -> tuple[str, Layout]:
        """The format that is there, or can be had."""
        formats = {k: v for k, v in self.layouts.items() if self.format in ("auto", k)}
        for kind, layout in formats.items():
            if not self._lacking(layout):
                return kind, layout
        for kind, layout in formats.items():
            archive = self.files.find(layout.archive)
            if archive is not None:
                self._extract(archive, layout)
                return kind, layout
        kind, layout = self._wanted_of_url(formats)
        if self.files.url is None:
            raise self._missing(layout)
        if self.sha256 is not None:
            self.files.checksums[layout.archive.name] = self.sha256
        [archive] = self.files.need([layout.archive], lambda file: self._url(file))
        self._extract(archive, layout)
        return kind, layout

    def _wanted_of_url(self, formats: Mapping[str, Layout]) -> tuple[str, Layout]:
        """The format whose archive the url names, else the first."""
        named = (k for k, v in formats.items() if (self.files.url or "").endswith(v.archive.name))
        kind = next(named, next(iter(formats)))
        return kind, formats[kind]

    def _url(self, archive: DataFile) -> str:
        """The url of the archive: as given, or below it."""
        url = self.files.url or ""
        return url if url.endswith((".tar.gz", ".tgz")) else f"{url.rstrip('/')}/{archive.name}"

    def _path(self, layout: Layout, name: str) -> Path:
        """Where a file lies: in the folder the archive makes, or next to it."""
        inside = self.files.work_dir / layout.folder / name
        beside = self.files.work_dir / name
        return beside if beside.is_file() and not inside.is_file() else inside

    def _lacking(self, layout: Layout) -> list[str]:
        return [name for name in (*layout.train, layout.test) if not self._path(layout, name).is_file()]

    def _missing(self, layout: Layout) -> MissingDataError:
        lacking = self._lacking(layout)
        whole = len(lacking) == len(layout.train) + 1
        also = (
            () if whole else (f"only {', '.join(lacking)}, which {'is' if len(lacking) == 1 else 'are'} missing",)
        )
        others = [v.archive for k, v in self.layouts.items() if v is not layout and self.format == "auto"]
        archive = DataFile(layout.archive.name, layout.archive.about, "", also)
        error = self.files.missing([archive])
        other = "".join(f"\n  or {o.name}: {o.about}" for o in others)
        files = f"{layout.folder}/{layout.train[0]} ... {layout.test}"
        return MissingDataError(f"{error}{other}\nThe files of it may lie there unpacked: {files}")

    def _extract(self, archive: Path, layout: Layout) -> None:
        """Write the files that are needed, and only those, next to the archive."""
        folder = self.files.work_dir / layout.folder
        needed = set(self._lacking(layout))
        try:
            folder.mkdir(exist_ok=True)
            with tarfile.open(archive) as tar:
                for member in tar:
                    name = Path(member.name).name
                    file = tar.extractfile(member) if member.isfile() and name in needed else None
                    if file is not None:
                        part = folder / f"{name}.part"
                        part.write_bytes(file.read())
                        part.replace(folder / name)
                        needed.remove(name)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged(archive, f"is a truncated or damaged archive ({error})") from None
        except OSError as error:
            problem = f"cannot be unpacked into {folder}: {error.strerror or error}"
            raise DataError(f"{archive} {problem}. {mend_of(error)}".rstrip()) from None
        if needed:
            raise damaged(archive, f"lacks {', '.join(sorted(needed))}")

    def _read_binary(self, path: Path) -> list[np.ndarray]:
        """Records of the labels, a byte each, and the pixels."""
        content = np.fromfile(path, np.uint8)
        record = len(self.kinds) + _PIXELS
        if not len(content) or len(content) % record:
            raise damaged(path, f"has {len(content):,} bytes, which is no multiple of a record's {record:,}")
        records = content.reshape(-1, record)
        labels = {kind: records[:, i] for i, kind in enumerate(self.kinds)}
        return self._arrays(path, records[:, len(self.kinds) :], labels)

    def _read_python(self, path: Path) -> list[np.ndarray]:
        """A pickled dict of pixels and labels."""
        content = read_pickle(path)
        keys = {kind: f"{kind}_labels" if len(self.kinds) > 1 else "labels" for kind in self.kinds}
        lacking = [key for key in ("data", *keys.values()) if key not in content]
        if lacking:
            raise damaged(path, f"lacks {', '.join(lacking)}; it has {', '.join(sorted(content)) or 'nothing'}")
        pixels = np.asarray(content["data"])
        if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
            raise damaged(
                path, f"should hold bytes [images, {_PIXELS}], but holds {pixels.dtype} {list(pixels.shape)}"
            )
        return self._arrays(path, pixels, {kind: np.asarray(content[key]) for kind, key in keys.items()})

    def _arrays(self, path: Path, pixels: np.ndarray, labels: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """``[images, *labels]`` with the channels last."""
        for kind, numbers in labels.items():
            if numbers.shape != (len(pixels),):
                raise damaged(path, f"holds {numbers.size:,} {kind} labels for {len(pixels):,} images")
            if numbers.size and not 0 <= numbers.min() <= numbers.max() < self.kinds[kind]:
                raise damaged(
                    path, f"has a {kind} label {numbers.max()}, but there are {self.kinds[kind]} classes"
                )
        images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        return [images, *(labels[kind].astype(np.uint8) for kind in self._wanted)]


class CIFAR10Source(_CIFARSource):
    """60,000 pictures ``[32, 32, 3]`` bytes of ten things, labels 0 to 9 (Krizhevsky, 2009).

    The first ``num_train`` pictures of the five training files are for training, the next ``num_val`` for
    validation; test is the test file. An archive that lies in ``work_dir`` is unpacked.

    Args:
        url: of the archive, e.g. ``https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz``, or of the place
            where it lies. Nothing is downloaded if left out.
        work_dir: where the files lie; ``AKID_DATA_PATH/cifar10`` if left out.
        format: ``binary`` or ``python``; what is there if ``auto``. A pickle cannot run code here.
        num_train: pictures to learn from; all but ``num_val`` if left out.
        num_val: pictures to validate on.
        sha256: of the archive; that of the published one is known.
        **options: see `Source`.
    """

    default_dir = "cifar10"
    kinds = {"class": 10}  # noqa: RUF012
    layouts = {  # noqa: RUF012
        "binary": Layout(
            DataFile(
                "cifar-10-binary.tar.gz",
                "the binary format, 170,052,171 bytes",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
            "cifar-10-batches-bin",
            tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
            "test_batch.bin",
        ),
        "python": Layout(
            DataFile(
                "cifar-10-python.tar.gz",
                "the python format, 170,498,071 bytes",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ),
            "cifar-10-batches-py",
            tuple(f"data_batch_{i}" for i in range(1, 6)),
            "test_batch",
        ),
    }

    def __init__(
        self,
        url: str | None = None,
        work_dir: str | None = None,
        format: Format = "auto",
        num_train: int | None = None,
        num_val: int = 5_000,
        sha256: str | None = None,
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(["class"], url, work_dir, format, num_train, num_val, sha256, **options)


class CIFAR100Source(_CIFARSource):
    """60,000 pictures ``[32, 32, 3]`` bytes of a hundred things in twenty groups (Krizhevsky, 2009).

    Args:
        labels: ``fine`` (0 to 99), ``coarse`` (0 to 19), or ``both``, fine first.
        url, work_dir, format, num_train, num_val, sha256: see `CIFAR10Source`; ``AKID_DATA_PATH/cifar100``.
        **options: see `Source`.
    """

    default_dir = "cifar100"
    kinds = {"coarse": 20, "fine": 100}  # noqa: RUF012
    layouts = {  # noqa: RUF012
        "binary": Layout(
            DataFile(
                "cifar-100-binary.tar.gz",
                "the binary format, 168,513,733 bytes",
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
            "cifar-100-binary",
            ("train.bin",),
            "test.bin",
        ),
        "python": Layout(
            DataFile(
                "cifar-100-python.tar.gz",
                "the python format, 169,001,437 bytes",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            ),
            "cifar-100-python",
            ("train",),
            "test",
        ),
    }

    def __init__(
        self,
        labels: Literal["fine", "coarse", "both"] = "fine",
        url: str | None = None,
        work_dir: str | None = None,
        format: Format = "auto",
        num_train: int | None = None,
        num_val: int = 5_000,
        sha256: str | None = None,
        **options: Unpack[SourceOptions],
    ) -> None:
        Check(options.get("name") or type(self).__name__, DataError).one_of(
            "labels", labels, ("fine", "coarse", "both")
        )
        wanted = ["fine", "coarse"] if labels == "both" else [labels]
        super().__init__(wanted, url, work_dir, format, num_train, num_val, sha256, **options)
