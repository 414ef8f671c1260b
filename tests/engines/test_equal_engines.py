"""A Kid learns the same whichever engine it learns with, on the same global batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from learners import CASES, pictures, plain
from loopback import free_ports

from akid import Kid, MomentumKongFu, Sensor

PROGRAM = Path(__file__).with_name("learners.py")
#: float32 rounding, since sums over the batch are made in another order.
ROUNDING = 1e-6
#: What float16 gradients may differ by after ten steps.
COMPRESSED = 1e-4
Learnt = dict[str, np.ndarray]


def start(engine: str, directory: Path, *cases: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), engine, str(directory), *cases]
    return subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def members(engine: str, directory: Path, count: int, *cases: str) -> Iterator[subprocess.Popen[str]]:
    workers = [f"127.0.0.1:{port}" for port in free_ports(count)]
    for index in range(count):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        yield start(engine, directory, *cases, TF_CONFIG=json.dumps(config))


def one_worker(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A chief whose only worker makes the steps one after another, as a single process does."""
    roles = ("chief", "worker", "ps")
    cluster = {role: [f"127.0.0.1:{port}"] for role, port in zip(roles, free_ports(3), strict=True)}
    for role in roles:
        config = {"cluster": cluster, "task": {"type": role, "index": 0}}
        yield start("parameter_server", directory, TF_CONFIG=json.dumps(config))


def finish(*processes: subprocess.Popen[str], code: int = 0) -> None:
    try:
        for process in processes:
            output, _ = process.communicate(timeout=240)
            assert process.returncode == code, output
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every Kid of `CASES` learns with every engine."""
    directory = tmp_path_factory.mktemp("learnt")
    options = {"max_steps": 3, "log_dir": directory / "source", "do_summary": False, "progress": False, "seed": 1}
    Kid(Sensor(pictures(), batch_size=15), kongfu=MomentumKongFu(0.01), **plain() | options).practice()
    for name in ("single", "data_parallel", "multi_worker", "parameter_server"):
        (directory / name).mkdir()
    finish(start("single", directory / "single"), start("data_parallel", directory / "data_parallel"))
    finish(*members("multi_worker", directory / "multi_worker", 2))
    chief, *serving = one_worker(directory / "parameter_server")
    try:
        finish(chief)
    finally:
        for process in serving:
            process.terminate()
    finish(*serving, code=143)
    return directory


def read(directory: Path, engine: str, case: str, member: int = 0) -> Learnt:
    return dict(np.load(directory / engine / f"{case}.{member}.npz"))


def assert_same(here: Learnt, there: Learnt, tolerance: float) -> None:
    assert here.keys() == there.keys()
    for name, value in here.items():
        np.testing.assert_allclose(value, there[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_two_devices_learn_what_one_learns(learnt: Path, case: str) -> None:
    assert_same(read(learnt, "data_parallel", case), read(learnt, "single", case), ROUNDING)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_learns(learnt: Path, case: str) -> None:
    assert_same(read(learnt, "multi_worker", case), read(learnt, "single", case), ROUNDING)


@pytest.mark.parametrize("case", CASES)
def test_the_only_worker_of_a_parameter_server_learns_what_one_learns(learnt: Path, case: str) -> None:
    assert_same(read(learnt, "parameter_server", case), read(learnt, "single", case), ROUNDING)


@pytest.mark.parametrize("case", CASES)
def test_all_processes_know_the_same(learnt: Path, case: str) -> None:
    assert_same(read(learnt, "multi_worker", case, 1), read(learnt, "multi_worker", case, 0), 0.0)


def test_running_statistics_are_the_same_in_every_process(learnt: Path) -> None:
    first, second = (read(learnt, "multi_worker", "normalised", member) for member in (0, 1))
    assert_same(first, second, 0.0)
    assert first["bn.running_mean"].any()


def test_running_statistics_are_the_same_whoever_the_replicas_are(learnt: Path) -> None:
    assert_same(read(learnt, "multi_worker", "normalised"), read(learnt, "data_parallel", "normalised"), ROUNDING)


def test_one_process_writes(learnt: Path) -> None:
    for case in CASES:
        there, here = (
            (learnt / engine / case / "metrics.jsonl").read_text() for engine in ("multi_worker", "single")
        )
        assert [json.loads(line)["step"] for line in there.splitlines()] == [5, 5, 10, 10]
        assert len(there.splitlines()) == len(here.splitlines())


def test_gradients_that_travel_as_float16_lose_little(learnt: Path) -> None:
    (learnt / "float16").mkdir()
    finish(*members("float16", learnt / "float16", 2, "plain"))
    here, there = read(learnt, "float16", "plain"), read(learnt, "single", "plain")
    assert_same(here, there, COMPRESSED)
    assert not np.array_equal(here["conv.weights"], there["conv.weights"])
