"""A job, a server in memory and a reconciler whose clocks stand still."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from akid_operator.work.items import Key
from akid_operator.work.reconcile import Reconciler
from akid_operator.work.store import Store
from fake_server import FakeServer
from jobs import job

from akid.job import Event, PodDefaults

KEY = Key("lab", "digits")
CORE = "/api/v1/namespaces/lab"
JOB = "/apis/akid.dev/v1alpha1/namespaces/lab/akidjobs/digits"
TWO = {"name": "multi_worker", "workers": 2}


class Scene:
    """A job, a server and a reconciler whose clocks stand still."""

    defaults = PodDefaults()

    def __init__(self, server: FakeServer | None = None, **spec: Any) -> None:
        self.server = server or FakeServer()
        self.told: list[str] = []
        self.seconds = 0.0
        self.start = datetime(2026, 1, 1, tzinfo=UTC)
        self.server.now = lambda: self.start + timedelta(seconds=self.seconds)
        manifest = job(**spec)
        manifest["metadata"] |= {"namespace": "lab", "generation": 1}
        self.server.put(JOB, manifest)
        self.lead()

    def lead(self) -> None:
        """Begin with what is known of the job alone."""
        self.store = Store()
        self.reconciler = Reconciler(
            self.server, self.store, self.defaults, self, self.server.now, lambda: self.seconds
        )
        if JOB in self.server.objects:
            self.store.job_seen(self.job)

    def new_leader(self) -> None:
        """Another one has read the lists."""
        self.lead()
        for path, item in self.server.objects.items():
            if path.startswith(f"{CORE}/pods/") and item["status"]["phase"] in ("Pending", "Running"):
                self.store.pod_seen(item)
        services = (item["metadata"] for path, item in self.server.objects.items() if "/services/" in path)
        self.store.record(KEY).presume_objects({item["name"]: item["uid"] for item in services})

    def events(self, job: dict[str, Any], events: tuple[Event, ...]) -> None:
        self.told += [event.reason for event in events]

    def status(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.server.log.append(f"status: {new['status']['state']}")

    def run(self) -> float | None:
        """Reconcile once; what the server tells is of this time only."""
        self.server.log.clear()
        self.server.reads.clear()
        return asyncio.run(self.reconciler.reconcile(KEY))

    def pod(self, name: str, *, left: bool = False, **status: Any) -> None:
        """A pod has changed, and the watch told so."""
        path = f"{CORE}/pods/{name}"
        old = self.server.objects[path]
        new = self.server.put(path, old | {"status": old["status"] | status})
        if left:
            self.store.pod_left(old)
        else:
            self.store.pod_seen(new)

    def nodes_let_go(self) -> list[str]:
        """Every pod that is being deleted is gone, and the watch told so; their names."""
        going = [path for path, item in self.server.objects.items() if "deletionTimestamp" in item["metadata"]]
        for path in going:
            self.store.pod_left(self.server.remove(path))
        return [path.rpartition("/")[2] for path in going]

    def ended(self, code: int) -> dict[str, Any]:
        """The status of a pod whose trainer ended."""
        state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
        return {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "trainer", "state": state}],
        }

    @property
    def job(self) -> dict[str, Any]:
        return self.server.objects[JOB]

    def reason(self, kind: str) -> str:
        return next((c["reason"] for c in self.job["status"]["conditions"] if c["type"] == kind), "")
