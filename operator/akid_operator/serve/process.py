"""One replica, from its start to its end: health, election, then the controller under kopf's watches."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import kopf

from akid.job.api.job import API_VERSION, PLURAL
from akid_operator.kube import connect
from akid_operator.kube.api import Api
from akid_operator.kube.errors import OperatorError
from akid_operator.progress.fetch import StatusReader
from akid_operator.progress.poller import Poller
from akid_operator.serve.election import Election
from akid_operator.serve.health import HealthServer
from akid_operator.serve.leader import Leader
from akid_operator.serve.metrics import Metrics
from akid_operator.serve.settings import LEASE, WATCHED, Options, configure
from akid_operator.watch.handlers import register
from akid_operator.watch.tracker import WatchTracker
from akid_operator.work.controller import Controller

logger = logging.getLogger(__name__)

STOPPED, LOST_LEASE = 0, 1
# Seconds the watches have to end by themselves.
LAST_WORDS = 0.2
# Seconds until the server is asked again whether it knows AkidJobs.
ASK_AGAIN = 2.0
MakeApi = Callable[..., Api]


class Replica:
    """One process of the operator.

    Args:
        options: the command line.
        make_api: makes the client the controller works with.
    """

    def __init__(self, options: Options, make_api: MakeApi = Api) -> None:
        self._options = options
        self._make_api = make_api
        self.stop = asyncio.Event()
        self.metrics = Metrics()
        self.controller: Controller | None = None
        self.health = HealthServer(self.metrics, self._healthy, self._ready)
        self._waiting = False
        self._lost = False

    async def run(self) -> int:
        """Work until `stop` is set (by SIGTERM or SIGINT) or the lease is lost; the exit code."""
        self._catch_signals()
        config = await connect.configuration(self._options.kubeconfig)
        client = connect.client(config)
        leader = await self._candidate()
        await self.health.start(self._options.host, self._options.port)
        logger.info("metrics and health on port %d", self.health.port)
        try:
            if leader is not None and not await self._elected(leader):
                return STOPPED
            self.metrics.leader.set(1)
            may_write = leader.valid if leader is not None else lambda: True
            api = self._make_api(client, may_write, self.metrics.requested)
            if leader is not None:
                api.longest_write = leader.margin
            return await self._lead(api, client, leader)
        finally:
            if leader is not None:
                await leader.release()
                await leader.close()
            await self.health.stop()
            await client.close()

    async def _candidate(self) -> Election | None:
        """This replica in the election; its credentials are its own too, for they may be asked for anew."""
        if not self._options.elect:
            return None
        config = await connect.configuration(self._options.kubeconfig)
        api = Api(connect.client(config), measure=self.metrics.requested)
        identity = f"{socket.gethostname()}_{os.getpid()}_{os.urandom(4).hex()}"
        leader = Leader(api, self._options.lease_namespace, LEASE, identity, self._options.timing)
        return Election(leader, api)

    async def _elected(self, leader: Election) -> bool:
        """Wait to be the leader; False if asked to stop before."""
        self._waiting = True
        acquired = asyncio.create_task(leader.acquire())
        stopped = asyncio.create_task(self.stop.wait())
        await asyncio.wait({acquired, stopped}, return_when=asyncio.FIRST_COMPLETED)
        self._waiting = False
        for task in (acquired, stopped):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await acquired
        return leader.valid()

    async def _lead(self, api: Api, client: Any, leader: Election | None) -> int:
        self.controller = controller = Controller(
            api, self._options.pods, self._options.namespaces, self.metrics, self._options.resync
        )
        self.metrics.watch(controller.store, lambda: len(controller.queue), lambda: controller.synced_at)
        controller.on_rewound = self._begin_anew
        end_watches = asyncio.Event()
        holding = asyncio.create_task(self._hold(leader))
        helpers: list[asyncio.Task[Any]] = [
            holding,
            asyncio.create_task(self._farewell(controller, leader, holding, end_watches)),
        ]
        tracker = WatchTracker(WATCHED, len(WATCHED) * max(1, len(self._options.namespaces)))
        tracker.on_gap = controller.resync_now
        helpers += self._polling(controller, client)
        served = asyncio.create_task(self._served(api))
        ended = asyncio.create_task(end_watches.wait())
        helpers += [served, ended]
        try:
            await asyncio.wait({served, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not end_watches.is_set():
                await served
                helpers.append(asyncio.create_task(controller.start(tracker.standing)))
                await self._watch(controller, client.configuration, tracker, end_watches)
        finally:
            await controller.stop()
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        return LOST_LEASE if self._lost else STOPPED

    def _polling(self, controller: Controller, client: Any) -> list[asyncio.Task[Any]]:
        """Ask the chiefs for their progress: directly in a cluster, through the API server from elsewhere."""
        if not self._options.progress_rate:
            return []
        reader = StatusReader(None if connect.in_pod() else client)
        rate, polled = self._options.progress_rate, self.metrics.polled
        poller = Poller(controller.store, controller.mark, reader, polled, rate)

        async def poll() -> None:
            async with reader:
                await poller.run()

        return [asyncio.create_task(poll(), name="progress")]

    async def _served(self, api: Api) -> None:
        """Wait until the server knows AkidJobs: kopf looks for them only once."""
        for attempt in itertools.count():
            try:
                found = await api.find(f"/apis/{API_VERSION}")
            except OperatorError as error:
                logger.warning("cannot ask what is served: %s", error)
                found = None
            if any(resource["name"] == PLURAL for resource in (found or {}).get("resources", [])):
                return
            if attempt == 0:
                logger.warning("there are no AkidJobs; waiting for crds/akidjobs.akid.dev.yaml to be applied")
            await asyncio.sleep(ASK_AGAIN)

    async def _watch(self, controller: Controller, config: Any, tracker: WatchTracker, end: asyncio.Event) -> None:
        settings = kopf.OperatorSettings()
        configure(settings)
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=register(controller, config, tracker),
            settings=settings,
            clusterwide=not self._options.namespaces,
            namespaces=sorted(self._options.namespaces),
            stop_flag=end,
        )
        self._catch_signals()  # kopf has set its own, which would end the watches before the work
        watching = asyncio.create_task(kopf.run_tasks(tasks, ignored=others), name="watches")
        ended = asyncio.create_task(end.wait())
        await asyncio.wait({watching, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        # They have nothing to lose, and kopf waits for seconds for tasks it does not know.
        await asyncio.wait({watching}, timeout=LAST_WORDS)
        if not end.is_set():  # they may still be at it: kopf also waits for the tasks that it cancels
            error = watching.exception() if watching.done() and not watching.cancelled() else None
            raise OperatorError(f"the watches have ended{f': {error!r}' if error else ''}") from error

    async def _hold(self, leader: Election | None) -> None:
        if leader is not None:
            await leader.hold()
            # Told to end, it let the lease go itself: that is no loss.
            self._lost = self._lost or not self.stop.is_set()
            self.stop.set()

    def _begin_anew(self) -> None:
        """End, and leave it to the next replica: what this one knows is of another history."""
        self._lost = True
        self.stop.set()

    async def _farewell(
        self,
        controller: Controller,
        leader: Election | None,
        holding: asyncio.Task[None],
        end_watches: asyncio.Event,
    ) -> None:
        """End the work first, then let the lease go, then end the watches; all of it in less than two seconds."""
        await self.stop.wait()
        await controller.stop()
        holding.cancel()  # else it might renew the lease while it is let go
        await asyncio.wait({holding})
        if leader is not None:
            await leader.release()
        await self.health.stop()
        end_watches.set()

    def _healthy(self) -> bool:
        return self.controller is None or self.controller.healthy(time.monotonic())

    def _ready(self) -> bool:
        return self._waiting or (self.controller is not None and self.controller.synced_at is not None)

    def _catch_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.stop.set)
