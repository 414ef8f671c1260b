"""One volume on this node: its client, and the directories of it that are bound into pods."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from akid_csi import client as clients
from akid_csi import mounts
from akid_csi.attributes import Source, Wanted
from akid_csi.client import Client
from akid_csi.directories import opened, root_of
from akid_csi.logs import logger
from akid_csi.refusal import Code, Refusal
from akid_csi.servers import in_order
from akid_csi.store import Store
from akid_csi.waiting import within

LONGEST_PAUSE = 10.0
#: Seconds in which others may take their turn.
TURN = 0.005
#: Mounts on a target, before those that are dead are taken away.
MOST_LAYERS = 16
MAX_LOG = 8 << 20


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds. All together stay below the two minutes the kubelet waits.

    Args:
        turn: until it is one's turn on a volume.
        mount: until a client's mount answers.
        walk: until a directory is found or made.
        waiters: requests that may wait for one volume: a hung one must not take all the driver's threads.
    """

    turn: float = 20.0
    mount: float = 45.0
    walk: float = 20.0
    waiters: int = 12


@dataclass(frozen=True)
class Places:
    """Where the driver keeps things.

    Args:
        own: the driver's directory, seen by the node.
        stage: a directory whose mounts nobody else sees.
    """

    own: Path
    stage: Path


class Volume:
    """A GlusterFS volume that pods of this node use, or have used.

    Args:
        key: its short name.
        source: servers and volume.
        places: where the driver keeps things.
        store: what is published.
        limits: how long things may take.
        closing: set when the driver ends.
    """

    def __init__(
        self, key: str, source: Source, places: Places, store: Store, limits: Limits, closing: threading.Event
    ) -> None:
        self._key, self._source, self._store, self._limits, self._closing = key, source, store, limits, closing
        self._point = places.own / "mounts" / key
        self._log = places.own / "logs" / f"{key}.log"
        self._stage = places.stage
        self._client: Client | None = None
        self._dead: set[str] = set()
        self._begin = 0
        self._lock = threading.Lock()
        self._waiters = threading.BoundedSemaphore(limits.waiters)

    def publish(self, target: str, wanted: Wanted) -> None:
        """Bind a directory to the target; it is noted before, so that no crash forgets it.

        Raises:
            Refusal: why not; then it is as it was before.
            OSError: the same, as the kernel says it.
        """
        with self._turn():
            try:
                self._serve()
                known = self._store.state.published.get(target) == wanted
                if known and mounts.layers(target) and target not in self._dead:
                    return
                self._store.publish(target, wanted)
                try:
                    self._bind(target, wanted)
                except BaseException:
                    if not known:
                        self._store.publish(target, None)
                    raise
                self._dead.discard(target)
            finally:
                self._end_if_unused()

    def unpublish(self, target: str) -> None:
        """Take a directory off the target; the last one ends the client."""
        with self._turn():
            remove(target)
            self._store.publish(target, None)
            self._dead.discard(target)
            self._end_if_unused()

    def recover(self) -> None:
        """After a restart of the driver: go on with the client if it still serves, else replace it."""
        with self._lock:
            self._client = clients.found(self._store.state.clients.get(self._key))
            if self._client is not None and self._mounted():
                logger.info("client kept", extra={"volume": str(self._source), "pid": self._client.identity.pid})
                self._watch(self._client)
                return
        self._serve_again(self._client)

    def check(self) -> None:
        """Now and then: replace a client that runs and is not mounted any more, and keep its log short.

        Errors are no sign: servers that are away come back, and a client that the kernel gave up ends by itself.
        """
        client = self._client
        if client is None:
            return
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > MAX_LOG:
                os.truncate(self._log, 0)
        if not client.ended() and not self._mounted():
            logger.warning("not mounted while its client runs", extra={"volume": str(self._source)})
            client.end(0)  # whoever watches it replaces it

    @contextlib.contextmanager
    def _turn(self) -> Generator[None]:
        """The volume to oneself; others go on."""
        busy = Refusal(Code.ABORTED, f"{self._source} is busy with other requests; it is tried again.")
        if not self._waiters.acquire(blocking=False):
            raise busy
        try:
            if not self._lock.acquire(timeout=self._limits.turn):
                raise busy
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._waiters.release()

    def _serve(self) -> None:
        """See to it that a client serves the volume; what an earlier one served is bound anew soon after."""
        if self._client is not None and not self._client.ended() and self._mounted():
            return
        if self._client is not None:
            self._client.end(0)
            self._client = None
        mounts.unmount_down_to(str(self._point), 0)
        self._point.mkdir(parents=True, exist_ok=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._store.state.clients.get(self._key) and self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))  # it may say why the one before died
            self._store.serve(self._key, None)
        client = self._started()
        self._client = client
        self._store.serve(self._key, client.identity)
        logger.info("client started", extra={"volume": str(self._source), "pid": client.identity.pid})
        self._dead.update(self._store.state.targets(self._key))
        self._watch(client)

    def _started(self) -> Client:
        """A client; after a failure the next one asks another server first."""
        servers = in_order(self._source.servers, self._begin)
        try:
            return clients.start(Source(servers, self._source.volume), self._point, self._log, self._limits.mount)
        except Refusal:
            self._begin = self._source.servers.index(servers[0]) + 1
            raise

    def _cover(self, target: str, wanted: Wanted) -> None:
        """Bind over what is dead: each container sees it, on the mount that was uppermost when it began.

        So the dead ones stay below. When they are too many, containers that began since the first go without.
        """
        there = mounts.layers(target)
        if not there:
            self._dead.discard(target)
            return
        try:
            if len(there) >= MOST_LAYERS:
                mounts.unmount_down_to(target, 1)
            self._bind(target, wanted)
        except (Refusal, OSError) as error:
            self._dead.add(target)
            logger.error("not recovered", extra={"target": target, "directory": str(wanted), "reason": str(error)})
        else:
            self._dead.discard(target)
            logger.info("recovered", extra={"target": target, "directory": str(wanted)})

    def _bind(self, target: str, wanted: Wanted) -> None:
        try:
            descriptor = within(self._limits.walk, lambda: opened(root_of(self._point), wanted), late=os.close)
        except TimeoutError as error:
            raise Refusal(Code.DEADLINE_EXCEEDED, f"{wanted}: {error}; are enough servers up?") from None
        try:
            if not mounts.layers(target):
                os.makedirs(target, mode=0o750, exist_ok=True)
            with mounts.staged(descriptor, self._stage, read_only=wanted.read_only) as place:
                mounts.mount(place, target, mounts.BIND)
        finally:
            os.close(descriptor)

    def _end_if_unused(self) -> None:
        if self._client is None or self._store.state.targets(self._key):
            return
        client, self._client = self._client, None
        mounts.unmount_down_to(str(self._point), 0)
        client.end()
        self._store.serve(self._key, None)
        remove(str(self._point))
        logger.info("client ended", extra={"volume": str(self._source), "pid": client.identity.pid})

    def _watch(self, client: Client) -> None:
        def wait() -> None:
            self._cover_dead(client)
            client.ended(None)
            self._serve_again(client)

        threading.Thread(target=wait, name=f"watch-{self._key}", daemon=True).start()

    def _serve_again(self, gone: Client | None) -> None:
        """Replace a client that is gone, as long as it takes, while anything is published of the volume."""
        pause = 0.2
        while not self._closing.is_set():
            with self._lock:
                if self._client is gone and gone is not None:  # nobody ended it on purpose
                    gone.end(0)
                    how = {"pid": gone.identity.pid, "code": gone.exit_code, "log": clients.tail(self._log)}
                    logger.warning("client gone", extra={"volume": str(self._source), **how})
                    self._client = gone = None
                if self._client is not None or not self._store.state.targets(self._key):
                    break
                try:
                    self._serve()
                    break
                except (Refusal, OSError) as error:
                    logger.error("no client", extra={"volume": str(self._source), "reason": str(error)})
            self._closing.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _cover_dead(self, client: Client) -> None:
        """As long as a client lives: bind anew what an earlier one served, each in a turn of its own.

        What could not be bound is tried again: a server was slow, or a directory is away for now.
        """
        pause = 0.0
        while self._dead and not self._closing.is_set() and not client.ended(pause):
            pause = min(max(0.2, 2 * pause), LONGEST_PAUSE)
            for target, wanted in self._store.state.targets(self._key).items():
                with self._lock:
                    if self._client is not client:
                        return
                    if target in self._dead and self._store.state.published.get(target) == wanted:
                        self._cover(target, wanted)
                time.sleep(TURN)  # else nobody else would get the lock

    def _mounted(self) -> bool:
        return bool(mounts.layers(str(self._point)))


def remove(target: str) -> None:
    """Unmount all that lies on a target, and remove the directory. What is gone is good."""
    mounts.unmount_down_to(target, 0)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(target)
