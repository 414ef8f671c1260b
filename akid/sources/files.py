"""The files of a data set: found in its directory, downloaded if a url is given, else asked for."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from akid.checks import Check, optional
from akid.data_path import AKID_DATA_PATH
from akid.errors import DataError, MissingDataError, near_match


@dataclass(frozen=True)
class DataFile:
    """A file of a data set.

    Attributes:
        name: as it is distributed.
        about: what is in it, and how large it is.
        sha256: of the file as its authors published it.
        also: other names and forms under which it is accepted; the first found is taken.
    """

    name: str
    about: str
    sha256: str
    also: tuple[str, ...] = ()


class FileSet:
    """Where the files of a source lie, and how to get them.

    Args:
        check: of the arguments of the source, whose name stands in errors.
        work_dir: the directory; ``default`` below `AKID_DATA_PATH` if left out.
        default: name of the directory.
        url: where to download what is missing; nothing is downloaded if left out.
        checksums: sha256 by file name, for other files than the published ones.
        published: urls whose files are known to be the published ones.
    """

    def __init__(
        self,
        check: Check,
        work_dir: str | os.PathLike[str] | None,
        default: str,
        url: str | None = None,
        checksums: Mapping[str, str] | None = None,
        published: Sequence[str] = (),
    ) -> None:
        self.owner = check.owner
        self.url = optional(check.text, "url", url)
        chosen = os.path.join(AKID_DATA_PATH, default) if work_dir is None else check.path("work_dir", work_dir)
        self.work_dir = Path(chosen).expanduser()
        known = {} if checksums is None else check.mapping("checksums", checksums)
        self.checksums = {name: check.text(f"checksums[{name!r}]", sha256) for name, sha256 in known.items()}
        self.published = tuple(published)

    def find(self, file: DataFile) -> Path | None:
        """The file, under any of its names."""
        paths = (self.work_dir / name for name in (*file.also, file.name))
        return next((path for path in paths if path.is_file()), None)

    def need(self, files: Sequence[DataFile], url_of: Callable[[DataFile], str]) -> list[Path]:
        """All of these files; what is missing is downloaded if there is a url.

        Raises:
            MissingDataError: some are missing and there is no url.
            DataError: they cannot be downloaded.
        """
        lacking = [file for file in files if self.find(file) is None]
        if lacking and self.url is None:
            raise self.missing(lacking)
        for name in self.checksums:
            known = [file.name for file in files]
            if name not in known:
                raise DataError(f"{self.owner}: checksums name no file {name!r}. {near_match(name, known)}")
        for file in lacking:
            from akid.sources.download import download

            download(url_of(file), self.work_dir / file.name, self._checksum(file, url_of(file)))
        return [self.find(file) or self.work_dir / file.name for file in files]

    def missing(self, files: Sequence[DataFile]) -> MissingDataError:
        """What to say when files are missing."""
        wanted = "\n".join(
            f"  {file.name}" + (f" (or {', '.join(file.also)})" if file.also else "") + f": {file.about}"
            for file in files
        )
        return MissingDataError(
            f"{self.owner}: put these files into {self.work_dir} (work_dir), or give the url to download them"
            f" from:\n{wanted}"
        )

    def _checksum(self, file: DataFile, url: str) -> str | None:
        if file.name in self.checksums:
            return self.checksums[file.name]
        return file.sha256 if url.startswith(self.published) else None


def damaged(path: Path, problem: str) -> DataError:
    """What to say of a file that is not what its name says."""
    mend = "Delete it; then put a good copy there, or give the url to have it downloaded."
    return DataError(f"{shown(path)} {problem}. {mend}")


def unreadable(path: Path | str, error: OSError) -> DataError:
    """What to say of a file or a directory that the system does not let us read."""
    return DataError(f"{shown(path)} cannot be read: {error.strerror or error}. {mend_of(error)}".rstrip())


def mend_of(error: OSError) -> str:
    """What helps against an error of the system; empty if only its own words do."""
    return _MENDS.get(error.errno or 0, "")


def shown(path: Path | str) -> str:
    """A path in a message: quoted if it has characters that would break the line or the terminal."""
    text = str(path)
    return text if text.isprintable() else repr(text)


_MENDS = {
    errno.EACCES: "Give the user that trains the right to it.",
    errno.EPERM: "Give the user that trains the right to it.",
    errno.ENOENT: "Put it there, or take away what leads to it.",
    errno.EROFS: "It is mounted read-only: prepare the files beforehand, or give a work_dir that can be written.",
    errno.ENOSPC: "Make room on the disk.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n.",
    errno.EIO: "The disk, or the network it is on, does not work as it should.",
}
