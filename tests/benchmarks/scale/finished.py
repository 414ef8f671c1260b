"""Jobs that have finished long ago, put there as they would lie: some with their pods, some without."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.scale.bed import Bed
from tests.benchmarks.scale.client import Client, all_of
from tests.benchmarks.scale.load import AKID, IMAGE, PODS, akid_job

ENDED = "2026-01-01T00:00:00Z"
#: runPolicy of jobs that are over and of which something is still to be done: they expire, and keep no pods.
LOOKED_AFTER: dict[str, Any] = {"ttlSecondsAfterFinished": 10 * 365 * 24 * 3600, "cleanPodPolicy": "All"}


async def finished_jobs(
    bed: Bed, namespace: str, with_pods: int, without: int, policy: dict[str, Any] | None = None
) -> None:
    """Make jobs that have succeeded; the operator must not be bothered by them.

    Args:
        bed: the control plane.
        namespace: where they lie.
        with_pods: how many have their pods.
        without: how many have none.
        policy: runPolicy of those that have none.
    """
    async with Client(bed.cluster) as client:
        jobs = (functools.partial(_job, client, namespace, f"old-{number}", policy) for number in range(without))
        await all_of(jobs)
        jobs = (functools.partial(_with_pods, client, namespace, f"kept-{number}") for number in range(with_pods))
        await all_of(jobs)


async def _job(client: Client, namespace: str, name: str, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    """A suspended job, so that the operator makes no pods for it before it is over."""
    path = f"{AKID[0]}/namespaces/{namespace}/{AKID[1]}"
    manifest = akid_job(name)
    manifest["spec"]["runPolicy"] = {"suspend": True, **(policy or {})}
    made = await client.request("POST", path, manifest)
    status = {"state": "Succeeded", "completionTime": ENDED, "conditions": list(_conditions())}
    merge = {"status": status}
    await client.merge(f"{path}/{name}/status", merge)
    return made


async def _with_pods(client: Client, namespace: str, name: str) -> None:
    job = await _job(client, namespace, name)
    for index in range(PODS):
        await _pod(client, job, index)


async def _pod(client: Client, job: dict[str, Any], index: int) -> None:
    """A pod that has succeeded; a scheduler that does not exist keeps it from running before."""
    metadata = job["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods"
    name = f"{metadata['name']}-worker-{index}"
    owner = {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    labels = {"app.kubernetes.io/managed-by": "akid-operator", "akid.dev/job": metadata["name"]}
    labels |= {"akid.dev/role": "worker", "akid.dev/index": str(index), "akid.dev/attempt": "0"}
    head = {"name": name, "labels": labels, "ownerReferences": [owner | {"controller": True}]}
    spec = {"schedulerName": "none", "containers": [{"name": "trainer", "image": IMAGE}]}
    await client.request("POST", path, {"metadata": head, "spec": spec})
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ENDED}}
    container = {"name": "trainer", "image": IMAGE, "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Succeeded", "containerStatuses": [container | {"state": ended}]}
    await client.merge(f"{path}/{name}/status", {"status": status})


def _conditions() -> Iterator[dict[str, str]]:
    for kind, holds, reason in (("Created", "True", "Accepted"), ("Succeeded", "True", "Completed")):
        yield {"type": kind, "status": holds, "reason": reason, "message": "", "lastTransitionTime": ENDED}
