"""What the driver has done and must know after its own restart: a file, written whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akid_csi.attributes import Source, Wanted

VERSION = 1


@dataclass(frozen=True)
class ProcessId:
    """A process, told by its start from whatever gets the same number later.

    Args:
        pid: its number.
        started: ticks since boot.
    """

    pid: int
    started: int


@dataclass(frozen=True)
class State:
    """What is published, and by which clients.

    Args:
        published: what lies at each target path.
        clients: the FUSE client of each volume, by `key_of`.
    """

    published: dict[str, Wanted] = dataclasses.field(default_factory=dict[str, Wanted])
    clients: dict[str, ProcessId] = dataclasses.field(default_factory=dict[str, ProcessId])

    def sources(self) -> dict[str, Source]:
        """The volumes in use, by `key_of`."""
        return {key_of(wanted.source): wanted.source for wanted in self.published.values()}

    def targets(self, key: str) -> dict[str, Wanted]:
        """What is published of one volume."""
        return {target: wanted for target, wanted in self.published.items() if key_of(wanted.source) == key}

    def with_published(self, target: str, wanted: Wanted | None) -> State:
        """The same with something at the target; None for nothing."""
        rest = {place: kept for place, kept in self.published.items() if place != target}
        return dataclasses.replace(self, published=rest | ({target: wanted} if wanted else {}))

    def with_client(self, key: str, client: ProcessId | None) -> State:
        """The same with another client of the volume; None for none."""
        rest = {name: kept for name, kept in self.clients.items() if name != key}
        return dataclasses.replace(self, clients=rest | ({key: client} if client else {}))


def key_of(source: Source) -> str:
    """A short name of a volume, good for file names. The order of the servers does not matter."""
    text = "\n".join([source.volume, *sorted(source.servers)])
    return f"{source.volume[:32]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def encoded(state: State) -> str:
    """The state as the text of its file."""
    return json.dumps({"version": VERSION, **dataclasses.asdict(state)}, indent=1)


def decoded(text: str) -> State:
    """The state from the text of its file.

    Raises:
        ValueError: it is not one, or one of another version.
    """
    content: dict[str, Any] = json.loads(text)
    if content.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}. Received: {content.get('version')!r}")
    try:
        published = {target: _wanted(entry) for target, entry in content["published"].items()}
        return State(published, {key: ProcessId(**entry) for key, entry in content["clients"].items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a field is missing or wrong: {error}") from error


def _wanted(entry: dict[str, Any]) -> Wanted:
    source: dict[str, Any] = entry.pop("source")
    path: list[str] = entry.pop("path")
    # What a later version noted besides is passed over: an older driver must be able to go on.
    known = {field.name: entry[field.name] for field in dataclasses.fields(Wanted) if field.name in entry}
    return Wanted(Source(tuple(source["servers"]), source["volume"]), tuple(path), **known)


def read(file: Path) -> State:
    """The state of an earlier life; an empty one if there was none.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        return decoded(file.read_text())
    except FileNotFoundError:
        return State()


def write(file: Path, state: State) -> None:
    """Write beside the file, then rename: a crash leaves the old state or the new one."""
    beside = file.with_suffix(".tmp")
    with beside.open("w") as out:
        out.write(encoded(state))
        out.flush()
        os.fsync(out.fileno())
    beside.rename(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
