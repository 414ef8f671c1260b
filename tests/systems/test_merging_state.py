"""State that every replica has its own copy of, read as one value."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.errors import BlockError

PROGRAM = Path(__file__).with_name("two_replicas.py")


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    assert given["twice"] == given["once"]
    assert all(first == second for first, second in given["once"].values())
    return given | {"read": {name: first for name, (first, _) in given["once"].items()}}


def running(first: float, second: float, momentum: float = 0.5) -> float:
    return (1 - momentum) * momentum * first + momentum * second


@pytest.mark.parametrize("name", ["bn/running_mean", "keras/moving_mean"])
def test_a_running_mean_is_the_mean_over_replicas(state: dict[str, Any], name: str) -> None:
    own = [[running(m + 10 * r, 2 * m + 10 * r) for m in (1.0, 2.0)] for r in (0, 1)]
    np.testing.assert_allclose(state["own"][name], own)
    np.testing.assert_allclose(state["read"][name], np.mean(own, 0))


def test_the_mean_of_all_batches_is_that_of_all_replicas(state: dict[str, Any]) -> None:
    assert state["read"]["mean_of_all/running_mean"] == [6.5, 8.0]
    assert state["read"]["mean_of_all/count"] == 2


def test_each_kind_of_state_merges_as_it_says(state: dict[str, Any]) -> None:
    replicas = (3 + 6, 13 + 16)
    read = {name.removeprefix("counters/"): v for name, v in state["read"].items() if name.startswith("counters/")}
    assert read == {"sum": 38.0, "first": 9.0, "mean": 19.0, "float": 19.0, "int": 9}
    assert all(state["own"][f"counters/{name}"] == list(replicas) for name in read)


def made(**options: Any) -> tf.Variable:
    class State(ProcessingLayer):
        def _setup(self, x: Any) -> None:
            self.state = self.variable("state", [], **options)

        def _forward(self, x: Any, trip: Any) -> Any:
            return x

    block = State(name="it")
    block(np.zeros([1, 1], np.float32))
    return block.state


def test_wrong_merges_are_refused() -> None:
    with pytest.raises(BlockError, match=r"merge must be one of .*Did you mean 'mean'\? Received: merge='maen'"):
        made(trainable=False, merge="maen")
    with pytest.raises(BlockError, match=r"it: merge is for state, .* Received: merge='sum' for 'state'"):
        made(merge="sum")
