"""Engines that cannot be are refused early, with the reason."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from akid import AkidError, DatasetSource, Kid, Sensor
from akid.backend import tf
from akid.engines import Engine
from akid.engines.multi_worker import MultiWorkerEngine, cluster_of
from akid.engines.replicas import Replicas, slice_of
from akid.models.brains import MLP

SIZES = {"chief": 1, "worker": 3}
BOTH = {"chief": ["d:1"], "worker": ["a:1", "b:1", "c:1"]}
WORKERS = {"worker": ["a:1", "b:1", "c:1"]}


@pytest.mark.parametrize(("size", "count"), [(15, 2), (15, 4), (4, 4), (96, 3), (7, 1)])
def test_slices_cover_the_batch_and_differ_by_one_row_at_most(size: int, count: int) -> None:
    slices = [slice_of(index, count, size) for index in range(count)]
    rows = [row for start, length in slices for row in range(start, start + length)]
    assert rows == list(range(size))
    assert max(length for _, length in slices) - min(length for _, length in slices) <= 1


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"name": "data_parallel", "num_gpu": 0}, "num_gpu must be an integer >= 1. Received: num_gpu=0"),
        ({"name": "data_parallel", "num_gpu": True}, "num_gpu must be an integer >= 1. Received: num_gpu=True"),
        (
            {"name": "data_parallel", "devices": "tpu"},
            "devices must be one of ['gpu', 'cpu']. Did you mean 'gpu'? Received: devices='tpu'",
        ),
        (
            {"name": "multi_worker", "compression": "int8"},
            "compression must be one of [None, 'float16'].",
        ),
        ({"name": "data_parallel", "num_gpus": 2}, "Unknown: 'num_gpus'. Did you mean 'num_gpu'?"),
        ("data_paralel", "Did you mean 'data_parallel'?"),
    ],
)
def test_wrong_options_are_refused(spec: Any, text: str) -> None:
    with pytest.raises(AkidError) as error:
        Engine.of(spec)
    assert text in str(error.value)


def test_more_gpus_than_there_are_are_refused() -> None:
    engine: Any = Engine.of({"name": "data_parallel", "num_gpu": 64})
    with pytest.raises(AkidError, match=r"num_gpu must be at most the 0 GPUs there are; devices='cpu' .*=64"):
        engine._make_replicas()


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"cluster": WORKERS, "task": {"type": "worker", "index": 2}}, ({"worker": 3}, 2)),
        ({"cluster": WORKERS, "task": {"type": "worker", "index": "1"}}, ({"worker": 3}, 1)),
        ({"cluster": BOTH, "task": {"type": "chief", "index": 0}}, (SIZES, 0)),
        ({"cluster": BOTH, "task": {"type": "worker", "index": 0}}, (SIZES, 1)),
    ],
)  # fmt: skip
def test_the_chief_is_the_first_of_the_members(config: Any, place: tuple[dict[str, int], int]) -> None:
    assert cluster_of(json.dumps(config)) == place


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"cluster": {}}', json.dumps({"cluster": WORKERS, "task": {"type": "worker", "index": 3}})],
)
def test_a_wrong_tf_config_is_refused(text: str) -> None:
    with pytest.raises(AkidError, match=r"TF_CONFIG must be like .* Received: TF_CONFIG="):
        cluster_of(text)
    with pytest.raises(AkidError, match=r"the environment has no TF_CONFIG, .* the operator set it\."):
        cluster_of("")


class OneWorker(MultiWorkerEngine):
    """A job's only worker, for now."""

    def _make_replicas(self) -> Replicas:
        return Replicas()


@pytest.mark.parametrize("elastic", [True, False])
def test_a_worker_that_others_may_join_needs_data_they_can_share(
    elastic: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AKID_MIN_WORKERS", "1" if elastic else "")
    examples = tf.data.Dataset.from_tensor_slices((np.zeros([8, 4], np.float32), np.zeros([8], np.int64)))
    sensor = Sensor(DatasetSource(examples), batch_size=4)
    kid = Kid(sensor, MLP(4, hidden=[2]), engine=OneWorker(), max_steps=1, log_dir=tmp_path)
    refused = pytest.raises(AkidError, match=r"read in order, so this worker and those that join it \(\$AKID_MIN")
    with refused if elastic else contextlib.nullcontext():
        kid.setup()


PROGRAM = """
from akid import ArraySource, Kid, Sensor
from akid.backend import tf
from akid.models.brains import MLP
import numpy as np, os, sys
where, batch = sys.argv[1:]
if where == "late":
    tf.constant(1) + 1
source = ArraySource(np.zeros([8, 4], np.float32), np.zeros([8], np.int64))
engine = {"name": "data_parallel", "num_gpu": 3, "devices": "cpu"}
sensor = Sensor(source, batch_size=int(batch))
Kid(sensor, MLP(4, hidden=[2]), engine=engine, max_steps=1, progress=False).practice()
"""


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ("late", "4"),
            "TensorFlow has started with fewer than 3 logical devices; make the Kid, ",
        ),
        (("early", "2"), "a batch must have a row for each of the 3 replicas. Received: batch_size=2"),
    ],
)
def test_what_only_a_process_knows_is_refused(arguments: tuple[str, str], text: str, tmp_path: Any) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 1
    assert text in run.stderr.splitlines()[-1]


TAKEN = """
from akid.engines.multi_worker import MultiWorkerEngine
from akid.errors import PeerLostError
try:
    MultiWorkerEngine()._make_replicas()
except PeerLostError as error:
    print(error)
"""


def test_a_worker_whose_address_is_taken_asks_for_another_one():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        addresses = [f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:1"]
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
        done = subprocess.run(
            [sys.executable, "-c", TAKEN], env=environment, capture_output=True, text=True, timeout=120
        )
    assert done.stdout.startswith("The address of member 0 is not free: Could not start gRPC server"), done.stderr
