"""What a supervisor reads in a member's environment: that of a pod, as the planner makes it."""

from __future__ import annotations

import json
import socket

import pytest
from job.scenes import SERVERS, TWO, job_with

from akid.job import Member
from akid.job.api.engine import RoleName
from akid.job.objects.pods import place_of
from akid.job.objects.tf_config import environment
from akid.trainer.channel import LOOK_UP, Remote
from akid.trainer.settings import GRACE, Settings, generation_config, next_address, settings_of


def settings(role: str, index: int, engine: dict, tmp_path, **spec) -> Settings:
    """Those of a member's pod at 10.0.0.7."""
    job = job_with(None, engine=engine, **spec)
    env = environment(job, Member(RoleName(role), index), 0, place_of(job))
    token = tmp_path / "token"
    token.write_text("secret\n")
    if "AKID_RENDEZVOUS_TOKEN_FILE" in env:
        env["AKID_RENDEZVOUS_TOKEN_FILE"] = str(token)
    return settings_of({**env, "AKID_POD_IP": "10.0.0.7", "AKID_METRICS_PORT": "9464"})


def test_a_worker_knows_its_place_the_others_and_where_they_meet(tmp_path):
    found = settings("worker", 1, TWO, tmp_path)
    assert (found.member, found.members) == ("worker-1", ("worker-0", "worker-1"))
    assert (found.is_chief, found.in_place, found.token) == (False, True, "secret")
    assert found.rendezvous == "digits-rendezvous:2300"


def test_where_they_meet_is_known_without_a_name_server():
    told = {"AKID_RENDEZVOUS": "my-digits-rendezvous:2300", "MY_DIGITS_RENDEZVOUS_SERVICE_HOST": "10.96.0.7"}
    found = settings_of({"AKID_RENDEZVOUS": "my-digits-rendezvous:2300"})
    assert (found.rendezvous, found.rendezvous_number) == ("my-digits-rendezvous:2300", "")
    assert settings_of(told).rendezvous_number == "10.96.0.7"


def test_a_name_is_looked_up_now_and_then_only_where_the_number_is_known(monkeypatch):
    asked = []

    def connect(address, *options, **more):
        asked.append(address[0])
        raise OSError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    remote = Remote("digits-rendezvous:2300", "secret", "10.96.0.7")
    for _ in range(2 * LOOK_UP):
        assert remote.call("join", {}) is None
    assert (asked.count("10.96.0.7"), asked.count("digits-rendezvous")) == (2 * LOOK_UP - 2, 2)


def test_the_chief_s_generation_has_addresses_instead_of_names(tmp_path):
    found = settings("chief", 0, SERVERS, tmp_path)
    assert found.members == ("chief-0", "worker-0", "worker-1", "ps-0")
    addresses = {member: f"10.0.0.{number}:2222" for number, member in enumerate(found.members)}
    config = json.loads(generation_config(found, addresses))
    assert config["task"] == {"type": "chief", "index": 0}
    assert config["cluster"] == {
        "chief": ["10.0.0.0:2222"],
        "worker": ["10.0.0.1:2222", "10.0.0.2:2222"],
        "ps": ["10.0.0.3:2222"],
    }


def test_a_member_s_place_is_that_among_those_who_are_there(tmp_path):
    found = settings("worker", 3, {"name": "multi_worker", "workers": 4, "minWorkers": 2}, tmp_path)
    assert (found.least, found.grace, found.members[3]) == (2, GRACE, "worker-3")
    config = json.loads(generation_config(found, {"worker-0": "a:1", "worker-2": "b:1", "worker-3": "c:1"}))
    assert config == {"cluster": {"worker": ["a:1", "b:1", "c:1"]}, "task": {"type": "worker", "index": 2}}


def test_an_evaluator_meets_nobody_and_is_started_again_all_the_same(tmp_path):
    found = settings("evaluator", 0, SERVERS, tmp_path)
    assert (found.rendezvous, found.members, found.in_place) == ("", (), True)


def test_members_that_are_all_replaced_are_not_started_again_in_place(tmp_path):
    found = settings("worker", 1, TWO, tmp_path, runPolicy={"restartStrategy": "Recreate"})
    assert (found.rendezvous, found.in_place) == ("", False)


@pytest.mark.parametrize(("joined", "port"), [(0, 2222), (1, 2223), (64, 2222)])
def test_each_generation_has_another_port(joined, port, tmp_path):
    assert next_address(settings("worker", 1, TWO, tmp_path), joined) == f"10.0.0.7:{port}"
