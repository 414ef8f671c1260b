"""How many threads: chosen by work, recorded, reused; a context that has started is left alone."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from small_kids import small_brain, small_kid

from akid import Sensor
from akid.backend import tf
from akid.engines.threads import (
    available_cpus,
    cgroup_quota,
    choose_inter_op,
    choose_threads,
    forward_work,
    settle_threads,
)


@pytest.mark.parametrize(
    ("work", "cpus", "threads"),
    [(None, 8, 8), (0, 8, 1), (50_000_000, 8, 1), (50_000_001, 8, 2), (10**12, 8, 8), (10**12, 1, 1)],
)
def test_threads_by_work(work: int | None, cpus: int, threads: int) -> None:
    assert choose_threads(work, cpus) == threads


@pytest.mark.parametrize(
    ("threads", "in_memory", "operations"), [(1, True, 1), (1, False, 0), (2, True, 0), (2, False, 0)]
)
def test_one_operation_at_a_time_for_a_small_model_in_memory(
    threads: int, in_memory: bool, operations: int
) -> None:
    assert choose_inter_op(threads, in_memory) == operations


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({}, None),
    ],
)
def test_quotas_of_both_cgroup_versions(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "cpus"), [(None, 4), (1.2, 2), (0.1, 1), (64.0, 4)])
def test_processors_within_the_quota(monkeypatch: pytest.MonkeyPatch, quota: float | None, cpus: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr("akid.engines.threads.cgroup_quota", lambda _: quota)
    assert available_cpus() == cpus


def test_work_is_counted_without_running_anything(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.sensor.setup()
    assert forward_work(kid.brain, kid.sensor) == 8 * (4 * 8 + 8 * 3)
    assert not kid.brain.built


def test_a_started_context_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tf.constant(0.0)  # starts it
    before = tf.config.threading.get_intra_op_parallelism_threads()
    kid = small_kid(tmp_path)
    kid.sensor.setup()
    record = tmp_path / "runtime.json"
    settle_threads(small_brain(), kid.sensor, record)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before
    threads = json.loads(record.read_text())["intra_op_threads"]
    assert threads == (before or available_cpus())
    record.write_text(json.dumps({"intra_op_threads": threads + 1}))
    with caplog.at_level(logging.WARNING):
        settle_threads(small_brain(), kid.sensor, record)
    assert f"this run used {threads + 1} threads before and goes on with {threads}" in caplog.text
    assert json.loads(record.read_text())["intra_op_threads"] == threads + 1, "what the bits of the run began with"


CHOOSE = """
import sys
from pathlib import Path
from small_kids import small_kid
from akid.backend import tf
kid = small_kid(Path(sys.argv[1]))
kid.setup()
print(tf.config.threading.get_intra_op_parallelism_threads())
print(tf.config.threading.get_inter_op_parallelism_threads())
"""

SPIN = """
{before}
import akid.backend
from tensorflow.python.eager import context
tf = akid.backend.tf
tf.config.threading.set_intra_op_parallelism_threads(1)  # may still be set
print(context.context().config.experimental.disable_thread_spinning)
"""


def run_python(code: str, *args: str) -> list[str]:
    """What a process of its own prints."""
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=here, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_recorded_number_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "runtime.json").write_text('{"intra_op_threads": 3}')
    assert run_python(CHOOSE, str(tmp_path)) == ["3", "0"]


def test_a_small_kid_gets_one_thread(tmp_path: Path) -> None:
    assert run_python(CHOOSE, str(tmp_path)) == ["1", "1"]


def test_idle_threads_sleep_unless_tensorflow_was_set_up_before() -> None:
    assert run_python(SPIN.format(before="")) == ["True"]
    before = "import tensorflow; tensorflow.config.threading.set_inter_op_parallelism_threads(2)"
    assert run_python(SPIN.format(before=before)) == ["False"]


def test_a_sensor_may_be_asked_for_its_work_again(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.setup()
    assert isinstance(kid.sensor, Sensor)
    assert forward_work(kid.brain, kid.sensor) is None, "what is built is not counted again"
