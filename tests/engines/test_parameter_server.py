"""Parameter servers: what the chief hands out, who may be lost, how a job ends. With real processes."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from json_lines import json_lines

from akid import AkidError, ArraySource, Brain, DatasetSource, Kid, Sensor
from akid.backend import tf
from akid.engines import Duty, Engine
from akid.engines.closures import BLOCK, blocks_of
from akid.engines.cluster import Cluster
from akid.engines.parameter_server import _server, training_cluster
from akid.errors import PeerLostError
from akid.models.brains import MLP

JOB = """
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: digits}
spec:
  kid:
    sensor: {source: {type: DigitsSource, num_val: 300}, batch_size: 32}
    brain: {type: MLP, hidden: [32]}
    kongfu: {type: MomentumKongFu, lr_scheme: 0.02}
    max_steps: 600
    train_log_step: 100
    val_log_step: 600
    checkpoint_step: 300
    moving_average_decay: 0.9
  engine: {name: parameter_server, workers: 2, evaluator: true}
"""
CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}


def config(role: str, cluster: object = CLUSTER) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": role, "index": 0}})


@pytest.mark.parametrize(("n", "workers"), [(1, 1), (1, 4), (7, 2), (40, 1), (1000, 3)])
def test_blocks_cover_every_step_once_and_keep_every_worker_busy(n, workers):
    blocks = blocks_of(5, n, workers)
    assert [start + i for start, count in blocks for i in range(count)] == list(range(5, 5 + n))
    assert max(count for _, count in blocks) <= BLOCK
    assert len(blocks) >= min(n, workers)


@pytest.mark.parametrize(
    ("role", "duty"),
    [("chief", Duty.PRACTISE), ("worker", Duty.SERVE), ("ps", Duty.SERVE), ("evaluator", Duty.FOLLOW)],
)
def test_a_process_has_the_duty_of_its_role(role, duty, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config(role, {**CLUSTER, "evaluator": ["e:1"]}))
    engine = Engine.of("parameter_server")
    assert engine.duty is duty
    assert engine.is_chief == (role == "chief")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"'parameter_server': the environment has no TF_CONFIG"),
        (
            config("worker", {"worker": ["b:1"]}),
            r'must be like .*"ps": \["host:port", \.\.\.\].*',
        ),
        (config("chief", {"chief": ["a:1"], "ps": ["d:1"]}), r"must be like .* Received: TF_CONFIG="),
        (config("master"), r"must be like .* Received: TF_CONFIG="),
    ],
)
def test_a_cluster_that_is_not_one_is_refused(text, says):
    with pytest.raises(AkidError, match=says):
        training_cluster(text)


def test_data_that_can_only_be_read_in_order_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", config("chief"))
    examples = tf.data.Dataset.from_tensor_slices((np.zeros([8, 4], np.float32), np.zeros([8], np.int64)))
    sensor = Sensor(DatasetSource(examples), batch_size=4)
    kid = Kid(sensor, MLP(4, hidden=[2]), engine="parameter_server", max_steps=1, log_dir=tmp_path)
    with pytest.raises(AkidError, match=r"can only be read in order, so workers cannot take"):
        kid.setup()


def test_a_process_that_serves_can_be_asked_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", config("ps"))
    source = ArraySource(np.zeros([8, 4], np.float32), np.zeros([8], np.int64))
    kid = Kid(Sensor(source, batch_size=4), Brain(), engine="parameter_server", max_steps=1, log_dir=tmp_path)
    with pytest.raises(AkidError, match=r"this process is there to serve the chief; .* Call practice\(\)"):
        kid.validate()


def lines(path: Path) -> list[dict]:
    return json_lines(path.read_text())


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[Path, str]:
    """The run directory, and what was printed last, of a job with three faults."""
    directory = tmp_path_factory.mktemp("served")
    (directory / "job.yaml").write_text(JOB)
    command = [sys.executable, "-m", "akid", "run", "job.yaml", "--log-dir", "run"]
    faults = ["kill:worker-1@step=150", "stop:worker-0@step=250", "kill:ps-0@step=350"]
    chaos = [option for fault in faults for option in ("--chaos", fault)]
    done = subprocess.run([*command, *chaos], cwd=directory, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return directory / "run", done.stdout.splitlines()[-2]


def messages(run: Path, member: str) -> list[dict]:
    return [line for line in lines(run / f"logs/{member}-0.log") if "message" in line]


def test_a_job_of_parameter_servers_learns_and_counts_every_step(ran):
    run, _ = ran
    result = json.loads((run / "result.json").read_text())
    assert (result["step"], result["reason"]) == (600, "max_steps")
    losses = [line["loss"] for line in lines(run / "metrics.jsonl") if line["kind"] == "train"]
    steps = [line["step"] for line in lines(run / "metrics.jsonl") if line["kind"] == "train"]
    assert steps == [100, 200, 300, 400, 500, 600]
    assert losses[-1] < losses[0] / 3
    assert result["val_evals"]["accuracy"] > 0.9


def test_a_worker_that_is_killed_is_taken_back_at_its_address_without_a_new_generation(ran):
    told = messages(ran[0], "worker-1")
    assert [(line["generation"], line.get("code")) for line in told][:3] == [(1, None), (1, -9), (1, None)]


def test_a_worker_that_is_stopped_is_noticed_and_taken_back_too(ran):
    told = messages(ran[0], "worker-0")
    assert "it is stopped (SIGSTOP)" in told[1]["message"]
    assert [(line["generation"], line.get("code")) for line in told[2:4]] == [(1, -9), (1, None)]


def test_a_parameter_server_that_is_killed_costs_the_steps_since_the_newest_state(ran):
    run, summary = ran
    assert messages(run, "chief-0")[-1]["generation"] == 2
    assert ", restarts in place 1" in summary
    redone = re.search(r", steps redone (\d+)$", summary)
    assert redone is None or int(redone[1]) < 300


def test_the_chief_s_end_ends_those_that_serve(ran):
    assert [messages(ran[0], member)[-1]["code"] for member in ("worker-0", "worker-1", "ps-0")] == [143] * 3


def test_the_evaluator_evaluates_checkpoints_up_to_the_last_as_the_chief_does(ran):
    run, _ = ran
    evaluations, metrics = lines(run / "evaluations.jsonl"), lines(run / "metrics.jsonl")
    steps = [line["step"] for line in evaluations]
    assert steps == sorted(set(steps))
    last = next(line for line in metrics if line["kind"] == "val")
    assert {name: evaluations[-1][name] for name in last} == last | {
        name: pytest.approx(value, rel=1e-5) for name, value in last.items() if name.startswith("val_")
    }


def test_a_server_whose_address_is_taken_asks_for_another_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster = Cluster({**CLUSTER, "ps": [f"127.0.0.1:{taken.getsockname()[1]}"]}, "ps", 0)
        with pytest.raises(PeerLostError, match=r"127\.0\.0\.1:\d+ is not free for ps-0: Could not start"):
            _server(cluster)
