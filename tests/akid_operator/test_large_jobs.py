"""Jobs of a thousand members: everybody else, the renewal of the lease above all, has a turn in between."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime

import pytest
from akid_operator.serve.election import Election
from akid_operator.serve.leader import Leader, Timing
from akid_operator.work.items import Key
from akid_operator.work.reconcile import Reconciler
from akid_operator.work.store import Store
from fake_server import FakeServer
from jobs import job
from lease_server import Client
from lease_server import Server as LeaseServer
from scene import Scene

from akid.job import Create, Observed, PodDefaults, decide
from akid.job.members import chief_of

MANY, JOBS = 1000, 20
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Of the processor's time, whoever else uses it: a lease lasts 15 s, and its holder has 5 s to spare.
LONGEST_TURN = 1.0
# Shorter than the work takes: it must be renewed on the way, or a write is refused.
TIMING = Timing(lease=3.0, deadline=2.0, retry=0.4)


class Server(FakeServer):
    """Takes pods without keeping them: copies of 20,000 are none of the operator's work."""

    def put(self, path: str, manifest: dict[str, object]) -> dict[str, object]:
        if "/pods/" not in path:
            return super().put(path, manifest)
        metadata: dict[str, object] = manifest["metadata"]  # pyright: ignore
        return {**manifest, "metadata": {**metadata, "uid": f"uid-{path}", "resourceVersion": "1"}}


def large(name: str) -> dict[str, object]:
    manifest = job(name, kid={"module": "a:setup"}, engine={"name": "multi_worker", "workers": MANY})
    manifest["metadata"] |= {"namespace": "lab", "generation": 1}
    return manifest


async def longest_turn(work: asyncio.Task[object]) -> float:
    """Seconds of the processor that passed at most between two turns of this, while the work went on."""
    longest, last = 0.0, time.process_time()
    while not work.done():
        await asyncio.sleep(0)
        longest, last = max(longest, time.process_time() - last), time.process_time()
    work.result()
    return longest


@pytest.mark.serial
def test_twenty_jobs_of_a_thousand_members_at_once_leave_turns_to_others_and_the_lease_alone() -> None:
    server, store, leases = Server(), Store(), LeaseServer()
    keys = [Key("lab", f"j{number}") for number in range(JOBS)]
    for key in keys:
        path = f"/apis/akid.dev/v1alpha1/namespaces/lab/akidjobs/{key.name}"
        store.job_seen(server.put(path, large(key.name)))
    reconciler = Reconciler(server, store, PodDefaults(), Scene(), lambda: NOW, lambda: 0.0)
    client = Client(leases)
    election = Election(Leader(client, "ops", "akid-operator", "a", TIMING), client)
    server._may_write = election.valid  # pyright: ignore

    async def main() -> float:
        await election.acquire()
        holding = asyncio.create_task(election.hold())
        work = asyncio.gather(*(reconciler.reconcile(key) for key in keys))
        longest = await longest_turn(asyncio.ensure_future(work))  # pyright: ignore
        assert not holding.done()
        holding.cancel()
        await election.release()
        await election.close()
        return longest

    longest = asyncio.run(main())
    assert server.log.count("POST pods") == JOBS * MANY
    assert leases.lease is not None
    assert leases.lease["spec"]["leaseTransitions"] == 0
    assert longest < LONGEST_TURN


def test_a_plan_makes_no_manifest_that_nobody_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Create] = []
    module = sys.modules["akid.job.decide"]  # the package has a function of that name
    monkeypatch.setattr(module, "manifest", lambda job, create, *others: made.append(create) or {})
    decision = decide(large("digits"), Observed(), NOW, PodDefaults())
    assert (len(decision.manifests), made) == (MANY + 3, [])
    assert decision.job is not None
    _ = decision.manifests[-MANY]
    assert [create.member for create in made] == [chief_of(decision.job)]


def test_deletes_are_made_some_at_a_time() -> None:
    class Slow(FakeServer):
        """Notes how many deletes it is asked for at once."""

        flying, most = 0, 0

        async def exchange(self, call):  # pyright: ignore
            deletes = call.method == "DELETE"
            self.flying += deletes
            self.most = max(self.most, self.flying)
            await asyncio.sleep(0)
            self.flying -= deletes
            return await super().exchange(call)

    scene = Scene(Slow(), kid={"module": "a:setup"}, engine={"name": "multi_worker", "workers": 200})
    scene.run()
    suspended = scene.job
    suspended["spec"]["runPolicy"] = {"suspend": True}
    scene.store.job_seen(scene.server.put("/apis/akid.dev/v1alpha1/namespaces/lab/akidjobs/digits", suspended))
    scene.run()
    assert scene.server.log.count("DELETE pods") == 200
    assert scene.server.most <= 64  # pyright: ignore
