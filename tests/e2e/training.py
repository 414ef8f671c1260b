"""Jobs of one namespace on a real cluster: applied and looked at by kubectl, as their owner does."""

from __future__ import annotations

import copy
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cluster.api import ApiError
from cluster.reach import CORE, Reach
from cluster.waiting import wait_for

from akid.job.names import PORTS

JOBS = "/apis/akid.dev/v1alpha1"
Manifest = dict[str, Any]
PORT = PORTS["metrics"]
#: Jobs whose steps take a fixed time; the other one reads files.
PACED, RECORDS = (Path(__file__).with_name("jobs") / name for name in ("paced.yaml", "records.yaml"))


def changed(path: Path, name: str, change: Callable[[Manifest], None]) -> str:
    """A manifest under another name and with changes of its spec, as JSON for `kubectl apply -f -`."""
    manifest = copy.deepcopy(yaml.safe_load(path.read_text()))
    manifest["metadata"]["name"] = name
    change(manifest["spec"])
    return json.dumps(manifest)


class Training:
    """The jobs of a namespace."""

    def __init__(self, cluster: Reach, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """In this namespace."""
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments, stdin=stdin)

    def apply(self, manifest: str) -> None:
        """`kubectl apply` a job."""
        self.kubectl("apply", "-f", "-", stdin=manifest)

    def get(self, name: str) -> Manifest:
        """A job."""
        return self.cluster.admin.get(f"{JOBS}/namespaces/{self.namespace}/akidjobs/{name}")

    def status(self, name: str) -> Manifest:
        """Its status; empty before the operator wrote one."""
        return self.get(name).get("status", {})

    def step(self, name: str) -> int:
        """The step its status tells; -1 for none."""
        return self.status(name).get("progress", {}).get("step", -1)

    def condition(self, name: str, kind: str) -> Manifest:
        """A condition of it; empty if it has none of this type."""
        conditions = self.status(name).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def row(self, name: str) -> dict[str, str]:
        """Its row of `kubectl get akidjobs`, by the titles of the columns."""
        titles, *lines = self.kubectl("get", "akidjobs", name).splitlines()
        return _cells(titles, lines[0]) if lines else {}

    def reach(self, name: str, state: str, timeout: float) -> Manifest:
        """Wait for a state, and return the status; RuntimeError as soon as the job has ended otherwise."""

        def reached() -> bool:
            now = self.status(name).get("state", "")
            if now != state and now in ("Succeeded", "Failed"):
                raise RuntimeError(f"{name} is {now} instead of {state}: {self.status(name)}")
            return now == state

        wait_for(reached, f"{name} is {state}", timeout, every=0.2)
        return self.status(name)

    def trains(self, name: str, beyond: int = 0, timeout: float = 240) -> int:
        """Wait for a step beyond one; the step that is told then. RuntimeError as soon as the job has ended."""

        def told() -> bool:
            status = self.status(name)
            if status.get("state") in ("Succeeded", "Failed"):
                raise RuntimeError(f"{name} has ended: {status}")
            return status.get("progress", {}).get("step", -1) > beyond

        wait_for(told, f"{name} is beyond step {beyond}", timeout, every=0.1)
        return self.step(name)

    def pods(self, name: str) -> dict[str, Manifest]:
        """Its pods by name."""
        path = f"{CORE}/namespaces/{self.namespace}/pods?labelSelector=akid.dev/job={name}"
        return {pod["metadata"]["name"]: pod for pod in self.cluster.admin.get(path)["items"]}

    def pod_uid(self, name: str) -> str:
        """Of the pod that has this name now; empty if there is none."""
        pod = self.cluster.admin.find(f"{CORE}/namespaces/{self.namespace}/pods/{name}")
        return pod["metadata"]["uid"] if pod else ""

    def ended(self, name: str) -> bool:
        """Whether a pod is done, or gone."""
        pod = self.cluster.admin.find(f"{CORE}/namespaces/{self.namespace}/pods/{name}")
        return pod is None or pod["status"]["phase"] in ("Succeeded", "Failed")

    def logs(self, pod: str) -> str:
        """`kubectl logs`, empty before there is a container."""
        try:
            return self.kubectl("logs", pod)
        except subprocess.CalledProcessError:
            return ""

    def lines(self, pod: str) -> list[Manifest]:
        """The lines of a log that are JSON."""
        return [json.loads(line) for line in self.logs(pod).splitlines() if line.startswith("{")]

    def told_steps(self, pod: str) -> list[int]:
        """The steps whose loss is in a pod's log."""
        return [line["step"] for line in self.lines(pod) if line.get("kind") == "train"]

    def supervisor(self, pod: str) -> Manifest:
        """What the supervisor in a pod says now, asked through the API server; empty when it does not answer.

        It is soon asked again: the API server would wait long for a pod that is just gone.
        """
        path = f"{CORE}/namespaces/{self.namespace}/pods/{pod}:{PORT}/proxy/status"
        try:
            return self.cluster.admin.get(path, timeout=1)
        except (ApiError, OSError):
            return {}

    def kill_training(self, pod: str) -> float:
        """kill -9 the training process in a pod, whose number its supervisor has logged; when that was."""
        started = [line for line in self.lines(pod) if line.get("message") == "training process started"]
        kill = f"date +%s.%N; kill -9 {started[-1]['pid']}"
        return float(self.kubectl("exec", pod, "--", "sh", "-c", kill))

    def delete_pod(self, pod: str) -> float:
        """As `kubectl delete pod --wait=false`; when it was asked for."""
        now = time.time()
        self.cluster.admin.delete(f"{CORE}/namespaces/{self.namespace}/pods/{pod}")
        return now

    def goes_on(self, name: str, chief: str, lost: Callable[[], float]) -> float:
        """Lose something, and wait until all members make each step together again.

        Args:
            name: of the job.
            chief: its pod.
            lost: brings the loss about; returns the time at which it came. kubectl's own time does not count.

        Returns: the seconds it took.
        """
        before = wait_for(lambda: self.supervisor(chief), f"the supervisor of {chief} answers")["generation"]
        begun = lost()
        self.makes_steps(name, chief, before)
        return time.time() - begun

    def makes_steps(self, name: str, chief: str, before: int) -> int:
        """Wait until a generation after this one makes steps; its number."""

        def told() -> int:
            now = self.supervisor(chief)
            number = now.get("generation", 0)
            return number if number > before and "eta" in now else 0  # which is known once it has made a step

        return wait_for(told, f"{name} makes steps after generation {before}", 180)

    def events(self, name: str) -> list[Manifest]:
        """On a job, oldest first."""
        items = self.cluster.admin.get(f"{CORE}/namespaces/{self.namespace}/events")["items"]
        mine = [event for event in items if event["involvedObject"]["name"] == name]
        return sorted(mine, key=lambda event: int(event["metadata"]["resourceVersion"]))


def _cells(titles: str, line: str) -> dict[str, str]:
    """A row of kubectl's table: columns begin where their titles do."""
    names = titles.split()
    starts = [titles.index(name) for name in names]
    ends = [*starts[1:], len(line) + 1]
    return {name: line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)}
