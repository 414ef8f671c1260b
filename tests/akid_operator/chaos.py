"""Two replicas, a few jobs, and everything that can happen to them, at random and always alike for a seed."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from random import Random

from fake_cluster import CORE, JOBS, NAMESPACE, NODES, FakeCluster
from fake_line import Line, Weather
from fake_replica import Candidate
from fake_server import EPOCH
from job.random_jobs import pick, random_spec
from jobs import job
from judge import Judge, problems_at_rest

TICK = 0.5
NAMES = ("ada", "bea", "cleo")
CODES = {0: 6, 1: 1, 42: 4, 137: 8}
# What may happen, and how often.
ACTIONS = {
    "create": 12, "delete": 1, "scale": 3, "suspend": 2, "resume": 5, "template": 1,
    "evict": 3, "delete_pod": 4, "vanish": 2, "object": 2, "kill_node": 1, "revive": 4,
    "crash": 1, "kill": 1, "stop": 1, "cut": 1, "cut_watches": 3, "lag": 1, "storm": 2,
}  # fmt: skip
SILENT = timedelta(seconds=40)
STRANGER = f"{CORE}/pods/ada-worker-7"


class Chaos:
    """A world that goes its way by chance.

    Args:
        seed: of all that happens.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.loop = asyncio.get_running_loop()
        self.cluster = FakeCluster(self.now)
        self.weather = Weather(trouble=0.1)
        self.judge = Judge(self.cluster)
        self.candidates = [
            Candidate(self.cluster, self.weather, self.random, name, lambda who, may: self.line(who, may))
            for name in ("one", "two")
        ]
        self.calm = False
        self._until: dict[str, float] = {}

    def now(self) -> datetime:
        """The server's time."""
        return EPOCH + timedelta(seconds=self.loop.time())

    def line(self, who: str, may_write: object) -> Line:
        """A client of the server."""
        return Line(self.cluster, self.weather, self.random, who, self.judge, may_write)  # pyright: ignore

    async def run(self, seconds: float) -> list[str]:
        """So many seconds of trouble, then calm; what was wrong."""
        unexpected = Unexpected(self.judge.problems)
        logging.getLogger("akid_operator").addHandler(unexpected)
        self.cluster.put(STRANGER, stranger())
        tasks = [asyncio.create_task(one) for one in (self._live(), *(c.run() for c in self.candidates))]
        try:
            for _ in range(round(seconds)):
                await asyncio.sleep(0 if self.judge.problems else 1)
            self.calm_down()
            return self.judge.problems or await self._rest()
        finally:
            logging.getLogger("akid_operator").removeHandler(unexpected)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def calm_down(self) -> None:
        """From now on nothing goes wrong any more."""
        self.calm = True
        vars(self.weather).update(vars(Weather()))
        self._until.clear()
        self.cluster.dead.clear()
        for candidate in self.candidates:
            candidate.cut(False)

    async def _rest(self) -> list[str]:
        """Wait until all is as it should be, and see that it stays so and nobody does anything."""
        for _ in range(360):
            await asyncio.sleep(10)
            if self.judge.problems or not problems_at_rest(self.cluster):
                break
        await asyncio.sleep(60)  # those that were waited for are seen to be gone
        written = len(self.judge.writes)
        await asyncio.sleep(240)
        found = [f"a write at rest: {write}" for write in self.judge.writes[written:]]
        found += ["a stranger's pod is gone"] * (STRANGER not in self.cluster.objects)
        leaders = [one.controller for one in self.candidates if one.controller is not None]
        found += [f"{len(leaders)} replicas lead"] * (len(leaders) != 1)
        for leader in leaders:
            found += ["it is not healthy"] * (not leader.healthy(self.loop.time()))
            found += [f"{key.name} is remembered" for key, _ in leader.store if self._over(key.name)]
        return self.judge.problems + problems_at_rest(self.cluster) + found

    def _over(self, name: str) -> bool:
        """Whether a job has ended, and no pod of it runs (a side-car that may)."""
        pods = [pod["status"]["phase"] for path, pod in self.cluster.items("pods").items() if f"/{name}-" in path]
        state = self.cluster.objects.get(f"{JOBS}/{name}", {}).get("status", {}).get("state")
        return state in (None, "Succeeded", "Failed") and "Running" not in pods

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for path in self.cluster.items("pods"):
                if path in self.cluster.objects and path != STRANGER:
                    self._go_on(path)
            if self.random.random() < 0.3:
                self.cluster.collect_garbage()
            self._end_troubles()
            if not self.calm and self.random.random() < 0.2:
                self._act(pick(self.random, ACTIONS))

    def _go_on(self, path: str) -> None:
        """What a scheduler, a node and a controller of nodes may do with a pod now."""
        cluster, random = self.cluster, self.random
        pod = cluster.objects[path]
        node = pod["spec"].get("nodeName")
        since = cluster.dead.get(node or "")
        if node is None:
            ready = [name for name in NODES if name not in cluster.dead]
            if ready and random.random() < 0.7:
                cluster.bind(path, random.choice(ready))
        elif since is not None:
            if self.now() - since > SILENT:
                cluster.give_up(path)
        elif "deletionTimestamp" in pod["metadata"]:
            if random.random() < 0.4:
                cluster.let_go(path)
        elif pod["status"]["phase"] == "Pending" and random.random() < 0.5:
            cluster.start(path)
        elif random.random() < (0.1 if self.calm else 0.02):
            code = 0 if self.calm else pick(random, CODES)
            cluster.finish(path, code, outlived=random.random() < 0.1)

    def _act(self, action: str) -> None:
        random, name = self.random, self.random.choice(NAMES)
        pods = [path for path in self.cluster.items("pods") if path != STRANGER]
        if action in ("evict", "delete_pod", "vanish"):
            if pods:
                path = random.choice(pods)
                self.cluster.evict(path) if action == "evict" else self.cluster.take_away(
                    path, 0 if action == "vanish" else None
                )
        elif action in ("create", "delete", "scale", "suspend", "resume", "template"):
            self._use(action, name)
        elif action == "object":
            owned = [p for p, item in self.cluster.objects.items() if f"/{name}-" in p and "/pods/" not in p]
            owned = [path for path in owned if any(f"/{kind}/" in path for kind in ("services", "configmaps"))]
            if owned:
                self.cluster.remove(random.choice(owned))
        elif action == "kill_node":
            self.cluster.dead.setdefault(random.choice(NODES), self.now())
        elif action == "revive":
            self.cluster.dead.pop(random.choice(NODES), None)
        else:
            self._trouble(action, random.choice(self.candidates))

    def _use(self, action: str, name: str) -> None:
        """What people do with jobs."""
        path, random = f"{JOBS}/{name}", self.random
        there = self.cluster.objects.get(path)
        if action == "create" and there is None:
            spec = random_spec(random)
            made = job(name, engine=spec["engine"], policy=spec["runPolicy"])
            made["metadata"] |= {"namespace": NAMESPACE, "generation": 1}
            self.cluster.put(path, made)
        elif there is None:
            return
        elif action == "delete":
            self.cluster.remove(path)
        elif action == "scale" and there["spec"]["engine"]["name"] == "multi_worker":
            least = there["spec"]["engine"].get("minWorkers", 1)
            self.cluster.edit(name, "engine", workers=random.randint(least, 4))
        elif action in ("suspend", "resume"):
            self.cluster.edit(name, "runPolicy", suspend=action == "suspend")
        elif action == "template":
            self.cluster.edit(name, "runPolicy", suspend=True)
            ports = [{"name": "rendezvous", "containerPort": random.randint(3000, 3003)}]
            self.cluster.edit(name, "template", spec={"containers": [{"name": "trainer", "ports": ports}]})
            self.cluster.edit(name, "runPolicy", suspend=random.random() < 0.2)

    def _trouble(self, action: str, candidate: Candidate) -> None:
        """What happens to the server, the lines and the replicas."""
        if action == "kill":
            candidate.kill()
        elif action == "stop":
            candidate.stop()
        elif action == "cut_watches":
            candidate.cut_watches()
        elif action == "cut":
            candidate.cut(True)
            self._lasts("cut")
        elif action == "crash":
            self.weather.down = True
            for one in self.candidates:
                one.cut_watches()
            self._lasts("crash")
        elif action == "lag":
            self.weather.lag = 8.0
            self._lasts("lag")
        elif action == "storm":
            self.weather.trouble, self.weather.slowest = 0.6, 3.0
            self._lasts("storm")

    def _lasts(self, trouble: str) -> None:
        self._until[trouble] = self.loop.time() + self.random.choice([1, 5, 20, 60])

    def _end_troubles(self) -> None:
        for trouble in [name for name, end in self._until.items() if end <= self.loop.time()]:
            del self._until[trouble]
            if trouble == "crash":
                self.weather.down = False
            elif trouble == "cut":
                for one in self.candidates:
                    one.cut(False)
            elif trouble == "lag":
                self.weather.lag = 0.05
            else:
                self.weather.trouble, self.weather.slowest = 0.1, 0.05


class Unexpected(logging.Handler):
    """Notes errors that nobody has foreseen: they have a traceback."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__()
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self._problems.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


def stranger() -> dict[str, object]:
    """Somebody's pod whose name a job may want one day."""
    containers = [{"name": "web", "image": "web:1"}]
    metadata = {"name": "ada-worker-7", "namespace": NAMESPACE, "labels": {"akid.dev/job": "ada"}}
    return {"metadata": metadata, "spec": {"containers": containers}, "status": {"phase": "Running"}}
