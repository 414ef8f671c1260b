"""What the driver does on its node: volumes, and which target holds what."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from akid_csi import mounts
from akid_csi.allow import Rule, granted, parsed
from akid_csi.attributes import Source, Wanted
from akid_csi.logs import logger
from akid_csi.refusal import Code, Refusal
from akid_csi.state import key_of
from akid_csi.store import Store
from akid_csi.volume import Limits, Places, Volume, remove
from akid_csi.waiting import within

CHECK_SECONDS = 30.0
STATS_SECONDS = 10.0


@dataclass(frozen=True)
class Usage:
    """How full a volume is, in bytes and in inodes."""

    total: int
    available: int
    used: int
    inodes: int
    inodes_free: int


class Node:
    """All volumes of this node.

    Args:
        directory: the driver's own; below the kubelet's, so that mounts in it are seen by the node.
        allow: the file with the allow-list, read anew for each request.
        limits: how long things may take.

    Raises:
        ValueError: the state of an earlier life is damaged.
    """

    def __init__(self, directory: Path, allow: Path, limits: Limits | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._allow, self._limits = directory, allow, limits or Limits()
        self._store = Store(directory / "state.json")
        self._volumes: dict[str, Volume] = {}
        self._lock = threading.Lock()
        self._at_work: set[str] = set()
        self._closing = threading.Event()
        self._stage = mounts.private_directory()

    def recover(self) -> None:
        """Go on where an earlier life of the driver ended; what takes time goes on beside."""
        for target in self._store.state.published:
            if not mounts.layers(target):
                # After a reboot nothing is mounted. The kubelet asks anew for what it still wants.
                self._store.publish(target, None)
        sources = self._store.state.sources()
        for key in self._store.state.clients:
            if key not in sources:
                self._store.serve(key, None)
        for point in (self._directory / "mounts").glob("*"):
            if point.name not in sources:
                remove(str(point))
        for source in sources.values():
            threading.Thread(target=self._volume(source).recover, daemon=True).start()
        threading.Thread(target=self._check, name="check", daemon=True).start()
        logger.info("recovering", extra={"volumes": len(sources), "published": len(self._store.state.published)})

    def publish(self, namespace: str, target: str, wanted: Wanted) -> None:
        """Bind what a pod asks for, if its namespace may have it; what it has it keeps, whatever the list says.

        Raises:
            Refusal: why not.
            OSError: the same, as the kernel says it.
        """
        with self._sole(target):
            known = self._store.state.published.get(target)
            if known is not None and mounts.layers(target):
                if not known.alike(wanted):
                    told = f"{target} already holds {known}, and {wanted} is asked for."
                    raise Refusal(Code.ALREADY_EXISTS, told)
                wanted = known
            else:
                wanted = granted(self._rules(), namespace, wanted)
                if known is not None and known != wanted:
                    self._volume(known.source).unpublish(target)
            self._volume(wanted.source).publish(target, wanted)

    def unpublish(self, target: str) -> None:
        """Take away what lies at a target; nothing is good as well.

        Raises:
            Refusal: ABORTED while it is being published, which would go on afterwards.
        """
        with self._sole(target):
            known = self._store.state.published.get(target)
            if known is None:
                remove(target)
            else:
                self._volume(known.source).unpublish(target)

    def usage(self, path: str) -> Usage:
        """How full the volume at a target is.

        Raises:
            Refusal: NOT_FOUND, DEADLINE_EXCEEDED.
        """
        if not mounts.layers(path):
            raise Refusal(Code.NOT_FOUND, f"nothing is published at {path}.")
        try:
            found = within(STATS_SECONDS, lambda: os.statvfs(path))
        except TimeoutError as error:
            raise Refusal(Code.DEADLINE_EXCEEDED, f"{path}: {error}.") from None
        block = found.f_frsize
        return Usage(
            total=found.f_blocks * block,
            available=found.f_bavail * block,
            used=(found.f_blocks - found.f_bfree) * block,
            inodes=found.f_files,
            inodes_free=found.f_ffree,
        )

    def close(self) -> None:
        """Stop replacing clients. They and the mounts stay: pods use them."""
        self._closing.set()
        mounts.unmount(str(self._stage))
        self._stage.rmdir()

    @contextlib.contextmanager
    def _sole(self, target: str) -> Generator[None]:
        """One request for a target at a time: a restarted kubelet does not wait for what it asked before."""
        with self._lock:
            if target in self._at_work:
                raise Refusal(Code.ABORTED, f"an earlier request for {target} is at work; it is tried again.")
            self._at_work.add(target)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(target)

    def _volume(self, source: Source) -> Volume:
        key = key_of(source)
        with self._lock:
            if key not in self._volumes:
                places = Places(self._directory, self._stage)
                self._volumes[key] = Volume(key, source, places, self._store, self._limits, self._closing)
            return self._volumes[key]

    def _rules(self) -> tuple[Rule, ...]:
        """The allow-list as it is now: a change of its ConfigMap counts at once."""
        try:
            return parsed(self._allow.read_text())
        except FileNotFoundError:
            return ()
        except ValueError as error:
            raise Refusal(
                Code.FAILED_PRECONDITION, f"the driver's allow-list is invalid, so it permits nothing: {error}."
            ) from None

    def _check(self) -> None:
        while not self._closing.wait(CHECK_SECONDS):
            with self._lock:
                volumes = list(self._volumes.values())
            for volume in volumes:
                volume.check()
