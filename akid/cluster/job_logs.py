"""What the members of a job in a cluster said: from their pods while there are any, else from the log volume."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from akid.cluster.kept_logs import check_kept, reading
from akid.cluster.kubectl import Json, Kubectl, KubectlError
from akid.cluster.pods import has_begun, owned, runs, speaker
from akid.cluster.reader_pod import reader_pod
from akid.errors import DataError, near_match
from akid.job import PodDefaults, member_state
from akid.job.manifest.served import parse_served
from akid.job.members import members_of
from akid.job.names import JOB_LABEL
from akid.job.objects.observe import trainer_of_pod
from akid.job.planner.summary import one_line
from akid.output import say

#: Seconds in which a reader pod must be there; between two looks at what is waited for.
PATIENCE, PERIOD = 180.0, 1.0
#: Members that can be followed at once: each costs a process of kubectl.
MOST_FOLLOWED = 32


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Args:
        member: such as ``worker-1``; every one if empty.
        start: which of its starts, from 0; None for those whose pods are there.
        image: of a reader pod, where the job names none.
    """

    member: str = ""
    start: int | None = None
    image: str = ""


class JobLogs:
    """The logs of a job.

    Args:
        kubectl: the cluster and the namespace.
        name: of the job.

    Raises:
        DataError: there is no such job; with the nearest one.
        KubectlError: the cluster does not answer.
    """

    def __init__(self, kubectl: Kubectl, name: str) -> None:
        self._kubectl = kubectl
        found = kubectl.get("akidjobs", name)
        if not found:
            names = [item["metadata"]["name"] for item in kubectl.get("akidjobs").get("items", [])]
            hint = near_match(name, names) or "There are none in this namespace; choose one by -n."
            raise DataError(f"There is no run directory and no AkidJob {name!r}. {hint}")
        self.job = parse_served(found)
        self.members = {f"{member.role}-{member.index}": member.name(self.job) for member in members_of(self.job)}

    def pods(self, wanted: Wanted) -> dict[str, Json]:
        """The job's pods that are wanted, by member, in order.

        Raises:
            DataError: the job has no such member.
        """
        chosen = self._chosen(wanted)
        listed = self._kubectl.get("pods", f"--selector={JOB_LABEL}={self.job.metadata.name}").get("items", [])
        mine = {pod["metadata"]["name"]: pod for pod in listed if owned(pod, self.job)}
        return {member: mine[name] for member, name in chosen.items() if name in mine}

    def lines(self, wanted: Wanted) -> Iterator[str]:
        """The lines of every log that is wanted; those of several under a heading each."""
        pods = self.pods(wanted)
        if pods and wanted.start is None:
            yield from self._of_pods(pods, wanted)
            return
        check_kept(self.job)
        with self._holder(wanted) as (pod, container):
            argv = reading(self.job, wanted.member, wanted.start)
            yield from self._kubectl.lines("exec", pod, f"--container={container}", "--", *argv)

    def follow(self, wanted: Wanted) -> None:
        """Say every line as it comes, of one pod of a member after the other, until the job is done."""
        chosen = self._chosen(wanted)
        if len(chosen) > MOST_FOLLOWED:
            raise DataError(f"{len(chosen)} members are too many to follow at once; choose one by --member.")
        with ThreadPoolExecutor(len(chosen)) as threads:
            for done in [threads.submit(self._follow, member, len(chosen) > 1) for member in chosen]:
                done.result()

    def _chosen(self, wanted: Wanted) -> dict[str, str]:
        if wanted.member and wanted.member not in self.members:
            hint = near_match(wanted.member, self.members)
            raise DataError(f"{self.job.metadata.name} has no member {wanted.member!r}. {hint}")
        return {member: name for member, name in self.members.items() if wanted.member in ("", member)}

    def _of_pods(self, pods: dict[str, Json], wanted: Wanted) -> Iterator[str]:
        for member in self._chosen(wanted):
            if not wanted.member:
                yield f"==> {member} <==\n"
            pod = pods.get(member)
            if pod is None:
                yield f"akid: it has no pod now{self._where(member)}\n"
            elif has_begun(pod):
                yield from self._kubectl.lines("logs", pod["metadata"]["name"], f"--container={speaker(pod)}")
            else:
                yield f"akid: it has not started: {_why(pod)}\n"

    def _where(self, member: str) -> str:
        """Where what a member without a pod said before can be read."""
        with suppress(DataError):
            check_kept(self.job)
            return f"; what it said before, if anything, is on the log volume: --member {member}"
        return ""

    def _follow(self, member: str, several: bool) -> None:
        heading, heard = f"{member}: " if several else "", set[str]()
        while True:
            job = self._kubectl.get("akidjobs", self.job.metadata.name)
            pod = self._kubectl.get("pods", self.members[member])
            if pod and owned(pod, self.job) and has_begun(pod) and pod["metadata"]["uid"] not in heard:
                heard.add(pod["metadata"]["uid"])
                self._listen(pod, heading)
            elif not job or "completionTime" in job.get("status", {}):
                return
            else:
                time.sleep(PERIOD)

    def _listen(self, pod: Json, heading: str) -> None:
        name, container = pod["metadata"]["name"], f"--container={speaker(pod)}"
        try:
            for line in self._kubectl.lines("logs", "--follow", name, container):
                say(heading + line, end="")
        except KubectlError as error:  # it went while it was listened to
            say(f"akid: {heading}{error}", sys.stderr)

    @contextmanager
    def _holder(self, wanted: Wanted) -> Iterator[tuple[str, str]]:
        """The newest pod that runs, since it has the log volume, and its container; else one made for that."""
        pods = list(self.pods(Wanted()).values())
        running = sorted(filter(runs, pods), key=lambda pod: pod["metadata"]["creationTimestamp"])
        if running:
            yield running[-1]["metadata"]["name"], speaker(running[-1])
            return
        name = f"{self.job.metadata.name}-logs-{secrets.token_hex(3)}"
        manifest = reader_pod(self.job, name, _defaults(pods, wanted.image))
        if not manifest["spec"]["containers"][0]["image"]:
            problem = f"{self.job.metadata.name} has no pods left, and names no image to read its log volume with."
            raise DataError(f"{problem} Give one that has akid: --image.")
        self._kubectl.text("create", "--filename=-", given=json.dumps(manifest))
        try:
            self._await(name)
            yield name, "reader"
        finally:
            self._kubectl.text("delete", "pod", name, "--wait=false", "--ignore-not-found")

    def _await(self, name: str) -> None:
        end = time.monotonic() + PATIENCE
        while not runs(pod := self._kubectl.get("pods", name)):
            if not pod or member_state(pod).terminal or time.monotonic() > end:
                raise KubectlError(f"the pod that reads the log volume does not run: {_why(pod)}.")
            time.sleep(PERIOD)


def _defaults(pods: list[Json], image: str) -> PodDefaults:
    """What the operator gave the job's pods: its image, and the Secrets to pull it with."""
    pod = next(iter(pods), {})
    pulled_with = [str(each["name"]) for each in pod.get("spec", {}).get("imagePullSecrets", [])]
    return PodDefaults(image or str(trainer_of_pod(pod).get("image", "")), image_pull_secrets=tuple(pulled_with))


def _why(pod: Json) -> str:
    """Why a pod does not run."""
    if not pod:
        return "it is gone"
    state = member_state(pod)
    return one_line(f"{state.reason} {state.message}") or "it is still to be set up"
