"""What a replica is set up with, when it calls itself healthy, how long its writes may take."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from akid_operator.__main__ import main, options
from akid_operator.kube.api import Api, Call
from akid_operator.serve.leader import Timing
from akid_operator.serve.metrics import Metrics
from akid_operator.work.controller import Controller
from fake_server import FakeServer

from akid.job import PodDefaults


def test_the_environment_of_all_trainers_is_given_by_flags() -> None:
    chosen, _ = options(["--pod-env", "NO_PROXY=a=b", "--pod-env", "EMPTY="])
    assert chosen.pods.env == {"NO_PROXY": "a=b", "EMPTY": ""}


@pytest.mark.parametrize("text", ["NO_PROXY", "=b", "1A=b"])
def test_what_is_no_variable_is_refused(text: str) -> None:
    with pytest.raises(SystemExit, match=f"--pod-env: expected NAME=VALUE.* Received: '{text}'"):
        main(["--pod-env", text])


def test_who_may_read_the_status_of_jobs_that_are_shut_off_is_given_in_json() -> None:
    assert options([])[0].pods.status_peers is None
    assert options(["--isolate-jobs=[]"])[0].pods.status_peers == ()
    chosen, _ = options(['--isolate-jobs=[{"podSelector": {}}]'])
    assert chosen.pods.status_peers == ({"podSelector": {}},)


@pytest.mark.parametrize("text", ["prometheus", '{"podSelector": {}}x', "[{}]", "[1]", "1"])
def test_what_is_no_list_of_peers_is_refused(text: str) -> None:
    with pytest.raises(SystemExit, match="--isolate-jobs: expected a JSON list of NetworkPolicyPeers"):
        main(["--isolate-jobs", text])


def test_a_replica_whose_first_sync_never_works_is_not_healthy() -> None:
    async def begun() -> list[bool]:
        controller = Controller(FakeServer(), PodDefaults(), frozenset(), Metrics(), interval=10)
        before = controller.healthy(1e9)
        starting = asyncio.create_task(controller.start(asyncio.Event()))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        after = [controller.healthy(loop.time() + seconds) for seconds in (29, 31)]
        starting.cancel()
        return [before, *after]

    assert asyncio.run(begun()) == [True, True, False]


def test_a_write_is_given_up_before_another_leader_may_act() -> None:
    timing, sent = Timing(lease=9, deadline=6), list[float]()

    class Client:
        configuration: Any = type("Configuration", (), {"host": ""})

        async def update_params_for_auth(self, *_: Any) -> None: ...

        async def call_api(self, *_: Any, _request_timeout: Any, **__: Any) -> Any:
            sent.append(_request_timeout.total)
            raise TimeoutError

    async def ask() -> None:
        api = Api(Client())  # pyright: ignore[reportArgumentType]
        api.longest_write = timing.margin
        for method in ("GET", "PUT"):
            with pytest.raises(TimeoutError):
                await api.exchange(Call(method, "/"))

    asyncio.run(ask())
    assert sent == [10, 3]
