"""`make soak SOAK=operator`: two replicas and random jobs on a real control plane, with faults of every kind.

For SOAK_MINUTES, with SOAK_SEED to repeat the choices (a real server's time is its own). What must never be is
looked for all the time; then all faults end, and every job must come to its end.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from akid_operator.serve.leader import Timing
from cluster.api import ApiError
from cluster.control import Cluster
from cluster.waiting import wait_for
from fake_cluster import FakeCluster
from fake_server import EPOCH
from hosted import Hosted
from job.random_jobs import pick, random_spec
from jobs import JOBS, REPOSITORY, Jobs, job, played
from judge import attempt_of, problems_at_rest, status_of
from proxy import Line
from troubled import Troubled

from akid.job.api.status import Status

NAMES = ("ada", "bea", "cleo", "dora")
CODES = {"0": 6, "1": 1, "42": 4, "137": 8}
ACTIONS = {
    "create": 12, "delete": 1, "scale": 3, "suspend": 2, "resume": 5, "evict": 3, "delete_pod": 4, "vanish": 2,
    "service": 2, "silence_node": 1, "revive_node": 4, "crash": 1, "cut": 2, "silence": 1, "kill": 1, "stop": 1,
}  # fmt: skip
KINDS = ("pods", "services", "configmaps")
TIMING = Timing(lease=5, deadline=3, retry=0.7)
REST = 600.0


class Replicas:
    """Two replicas that are there again whenever they end."""

    def __init__(self, cluster: Cluster, namespace: str, random: Random, lines: list[Line]) -> None:
        self._paths = [line.kubeconfig(cluster.kubeconfig) for line in lines]
        self._namespace, self._random, self.trouble = namespace, random, 0.1
        self.running = [self._begun(path) for path in self._paths]

    def _begun(self, kubeconfig: Any) -> Hosted:
        api = partial(Troubled, self._random, self.trouble)
        options = {"elect": True, "lease_namespace": self._namespace, "timing": TIMING, "resync": 15}
        replica = Hosted(kubeconfig, self._namespace, api=api, **options)
        replica.start()
        return replica

    def end(self, number: int, *, at_once: bool) -> None:
        """One is asked to end, or sends nothing any more, and another takes its place."""
        replica = self.running[number]
        api = replica.made_api
        if at_once and isinstance(api, Troubled):
            api.dead = True
        replica.stop(60)
        self.running[number] = self._begun(self._paths[number])

    def look(self) -> None:
        """Whoever has ended by itself is begun anew."""
        for number, replica in enumerate(self.running):
            if not replica.alive():
                self.end(number, at_once=False)

    def stop(self) -> None:
        for replica in self.running:
            replica.stop(60)


class Soak:
    """Random jobs in a namespace, and what happens to them."""

    def __init__(self, jobs: Jobs, random: Random) -> None:
        self.jobs, self.random, self.problems = jobs, random, list[str]()
        self._seen: dict[str, Status] = {}

    def act(self, action: str, replicas: Replicas, lines: list[Line]) -> None:
        """Something happens."""
        random, number, node = self.random, self.random.randrange(2), f"node-{self.random.randrange(3)}"
        cluster = self.jobs.cluster
        others: dict[str, Callable[[], object]] = {
            "silence_node": lambda: cluster.silence_node(node),
            "revive_node": lambda: cluster.revive_node(node),
            "silence": lines[number].silence,
            "kill": lambda: replicas.end(number, at_once=True),
            "stop": lambda: replicas.end(number, at_once=False),
        }
        if action == "crash":
            with cluster.api_server_down():
                time.sleep(random.choice([0, 1, 8]))
        elif action == "cut":
            with lines[number].cut():
                time.sleep(random.choice([0, 1, 8]))
        elif action in others:
            others[action]()
        elif action in ("evict", "delete_pod", "vanish", "service"):
            self._on_object(action)
        else:
            self._on_job(action, random.choice(NAMES))

    def _on_object(self, action: str) -> None:
        names = self.jobs.names("services" if action == "service" else "pods")
        name = self.random.choice(names) if names else ""
        if action == "service" and name:
            self.jobs.delete_object("services", name)
        elif action == "evict" and name:
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            path = f"/api/v1/namespaces/{self.jobs.namespace}/pods/{name}/eviction"
            self.jobs.api.create(path, eviction)
        elif name:
            self.jobs.delete_pod(name, grace=0 if action == "vanish" else 5)

    def _on_job(self, action: str, name: str) -> None:
        random, there = self.random, self.jobs.find(name)
        if action == "create" and there is None:
            spec = random_spec(random)
            plays = {"run-for": f"{random.randint(1, 40)}s", "exit-code": pick(random, CODES)}
            self.jobs.create(job(name, engine=spec["engine"], policy=spec["runPolicy"], plays=plays))
        elif there is None or action == "create":
            return
        elif action == "delete":
            self.jobs.delete(name)
        elif action in ("suspend", "resume"):
            self.jobs.patch({"runPolicy": {"suspend": action == "suspend"}}, name)
        elif there["spec"]["engine"]["name"] == "multi_worker":
            least = there["spec"]["engine"].get("minWorkers", 1)
            self.jobs.patch({"engine": {"workers": random.randint(least, 4)}}, name)

    def look(self) -> None:
        """What must be true at every moment."""
        path = f"{JOBS}/namespaces/{self.jobs.namespace}/akidjobs"
        for found in self.jobs.api.get(path)["items"]:
            uid, name, new = found["metadata"]["uid"], found["metadata"]["name"], status_of(found)
            old = self._seen.get(uid, Status())
            limit = found["spec"]["runPolicy"].get("maxRestarts", 3)
            bad = {
                "restarts went back": new.restarts < old.restarts,
                "more restarts than there may be": new.restarts > limit,
                "the attempt went back": new.attempt < old.attempt,
                "it had ended": old.finished and new.state != old.state,
                "a failure is counted twice": len(set(new.counted_pods)) < len(new.counted_pods),
            }
            self.problems += [f"{name}: {what}: {new}" for what, holds in bad.items() if holds]
            self._seen[uid] = new
        for name in NAMES:
            pods = self.jobs.pods(name).values()
            live = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
            owners = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in live}
            if len({attempt_of(pod) for pod in live}) > 1 and len(owners) == 1:
                names = sorted(pod["metadata"]["name"] for pod in live)
                self.problems.append(f"{name}: pods of two attempts: {names}")

    def wait_for_the_end(self) -> None:
        """Every job ends, and is then as it should be."""
        end = time.monotonic() + REST
        while (left := self.at_rest()) and time.monotonic() < end:
            time.sleep(5)
        self.problems += left

    def at_rest(self) -> list[str]:
        """What is not as it should be at the end; trainers that run are told to end well."""
        shot = FakeCluster(lambda: EPOCH + timedelta())
        core, path = (f"{root}/namespaces/{self.jobs.namespace}" for root in ("/api/v1", JOBS))
        path, ends = f"{path}/akidjobs", {"metadata": {"annotations": played({"run-for": "1s", "exit-code": "0"})}}
        for found in self.jobs.api.get(path)["items"]:
            shot.objects[f"{path}/{found['metadata']['name']}"] = {"status": {}} | found
        for kind in KINDS:
            for item in self.jobs.items(kind):
                shot.objects[f"{core}/{kind}/{item['metadata']['name']}"] = {"status": {}} | item
                if kind == "pods" and item["status"]["phase"] == "Running":
                    self.jobs.api.patch(f"{core}/pods/{item['metadata']['name']}", ends)
        return problems_at_rest(shot)


def run(cluster: Cluster, namespace: str, random: Random, seconds: float) -> list[str]:
    """Soak; what was wrong."""
    soak = Soak(Jobs(cluster, namespace), random)
    with Line(cluster.layout.api_port) as one, Line(cluster.layout.api_port) as two:
        replicas = Replicas(cluster, namespace, random, [one, two])
        try:
            _storm(soak, replicas, [one, two], seconds)
            replicas.trouble = 0.0
            for number in range(2):
                cluster.revive_node("node-2")
                cluster.revive_node(f"node-{number}")
                replicas.end(number, at_once=False)
            if not soak.problems:
                soak.wait_for_the_end()
        finally:
            replicas.stop()
    return soak.problems


def _storm(soak: Soak, replicas: Replicas, lines: list[Line], seconds: float) -> None:
    end = time.monotonic() + seconds
    for number in itertools.count(1):
        if time.monotonic() > end or soak.problems:
            return
        action = pick(soak.random, ACTIONS)
        print(f"{number:5} {action}", flush=True)
        try:
            soak.act(action, replicas, lines)
            replicas.look()
            soak.look()
        except ApiError as error:  # gone meanwhile, or a change that is refused
            print(f"      {error}", flush=True)
        time.sleep(soak.random.uniform(0, 2))


def main() -> int:
    """Soak; the exit code says whether nothing was wrong."""
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 10_000))
    print(f"seed {seed}, {minutes:g} minutes (SOAK_SEED, SOAK_MINUTES)", flush=True)
    with Cluster(eviction_seconds=10, tell=print) as cluster:
        cluster.kubectl("apply", "-f", str(REPOSITORY / "crds/akidjobs.akid.dev.yaml"))
        wait_for(cluster.serves_akidjobs, "AkidJobs are served")
        with cluster.namespace() as namespace:
            problems = run(cluster, namespace, Random(seed), 60 * minutes)
    print("\n".join(problems) or "nothing was wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
