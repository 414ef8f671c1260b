"""A replica of the operator on the server in memory: its controller and its election, without kopf and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from random import Random

from akid_operator.serve.leader import Leader
from akid_operator.work.controller import Controller
from fake_cluster import NAMESPACE, WATCHES, FakeCluster
from fake_line import Line, Weather
from fake_server import labelled, selected

from akid.job import PodDefaults


class Figures:
    """Nobody looks at them."""

    def reconciled(self, waited: float, seconds: float, *, ok: bool) -> None:
        """A key was worked on."""

    def synced(self, seconds: float, found: int) -> None:
        """A resync has ended."""

    def status_written(self, old: object, new: object) -> None:
        """A status was written."""


class Watches:
    """Tell a controller what happens, late, and with gaps; begin anew after every cut as kopf does.

    Args:
        cluster: what is watched.
        controller: who is told.
        weather: how late.
        random: chance.
        line: which must be passable.
    """

    def __init__(
        self, cluster: FakeCluster, controller: Controller, weather: Weather, random: Random, line: Line
    ) -> None:
        self._cluster, self._weather, self._random, self._line = cluster, weather, random, line
        self._heard = dict(zip(WATCHES, (controller.observe_job, controller.observe_pod), strict=True))
        self._on_gap = controller.resync_now
        self._cuts = dict.fromkeys(WATCHES, 0)
        self._standing: set[str] = set()
        self.standing = asyncio.Event()

    def cut(self) -> None:
        """Every connection breaks."""
        for collection in self._cuts:
            self._cuts[collection] += 1

    async def run(self) -> None:
        """Watch all until cancelled."""
        await asyncio.gather(*(self._follow(collection) for collection in WATCHES))

    async def _follow(self, collection: str) -> None:
        place = self._list(collection)
        while True:
            cuts = self._cuts[collection]
            while cuts == self._cuts[collection] and self._passable():
                place = await self._tell(collection, place)
            await asyncio.sleep(self._random.uniform(0, 5))
            # The server may not remember where it was: 410.
            if self._passable() and self._random.random() < 0.5:
                place = self._list(collection)
                self._on_gap()

    def _passable(self) -> bool:
        return not self._weather.down and not self._line.cut

    def _list(self, collection: str) -> int:
        fields, labels = WATCHES[collection]
        for path, item in list(self._cluster.objects.items()):
            if path.startswith(f"{collection}/") and selected(item, fields) and labelled(item, labels):
                self._heard[collection]({"type": None, "object": item})
        self._standing.add(collection)
        if len(self._standing) == len(WATCHES):
            self.standing.set()
        return len(self._cluster.history)

    async def _tell(self, collection: str, place: int) -> int:
        """One change, or some time in which there was none; where it is then."""
        history, changed = self._cluster.history, self._cluster.changed
        if place < len(history):
            event = history[place].event(collection)
            if event is not None:
                age = (self._cluster.now() - history[place].at).total_seconds()
                await asyncio.sleep(max(0.0, self._random.uniform(0, self._weather.lag) - age))
                self._heard[collection](event)
            return place + 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await changed.wait()
        return place


class Candidate:
    """A pod of the operator's Deployment: whenever its process ends, there is soon another.

    Args:
        cluster: where it works.
        weather: on its lines.
        random: chance.
        name: of the candidate.
        line: makes its lines: (its identity, what tells whether it may write).
        resync: seconds between two resyncs.
    """

    def __init__(
        self,
        cluster: FakeCluster,
        weather: Weather,
        random: Random,
        name: str,
        line: Callable[[str, Callable[[], bool]], Line],
        resync: float = 60.0,
    ) -> None:
        self._cluster, self._weather, self._random, self._line = cluster, weather, random, line
        self._name, self._resync, self._lives = name, resync, 0
        self._lines: list[Line] = []
        self._watches: Watches | None = None
        self._over = asyncio.Event()
        self.controller: Controller | None = None

    def kill(self) -> None:
        """It is gone without a farewell; nothing it was about to send is sent."""
        for line in self._lines:
            line.dead = True
        self._over.set()

    def stop(self) -> None:
        """It is asked to end."""
        self._over.set()

    def cut(self, cut: bool) -> None:
        """Whether its lines are cut."""
        for line in self._lines:
            line.cut = cut
        self.cut_watches()

    def cut_watches(self) -> None:
        """Its watches break."""
        if self._watches is not None:
            self._watches.cut()

    async def run(self) -> None:
        """Live again and again until cancelled."""
        while True:
            self._lives += 1
            self._over = asyncio.Event()
            await self._live(f"{self._name}-{self._lives}")
            await asyncio.sleep(self._random.uniform(0.5, 3))

    async def _live(self, identity: str) -> None:
        lease = self._line(identity, lambda: True)
        self._lines = [lease]
        leader = Leader(lease, NAMESPACE, "akid-operator", identity, clock=asyncio.get_running_loop().time)
        if await self._or_over(leader.acquire()):
            return
        api = self._line(identity, leader.valid)
        api.longest_write = leader.timing.margin
        self._lines = [lease, api]
        self.controller = Controller(api, PodDefaults(), frozenset({NAMESPACE}), Figures(), self._resync)
        self.controller.on_rewound = self._over.set
        self._watches = Watches(self._cluster, self.controller, self._weather, self._random, api)
        work = [self._watches.run(), self.controller.start(self._watches.standing)]
        tasks = [asyncio.create_task(one) for one in work]
        try:
            await self._or_over(leader.hold())
        finally:
            await self.controller.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.controller = self._watches = None
            await leader.release()

    async def _or_over(self, work: object) -> bool:
        """Wait for it, or for the end; whether that came first."""
        doing, over = asyncio.ensure_future(work), asyncio.create_task(self._over.wait())  # pyright: ignore
        try:
            await asyncio.wait({doing, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (doing, over):
                task.cancel()
            await asyncio.gather(doing, over, return_exceptions=True)
        return self._over.is_set()
