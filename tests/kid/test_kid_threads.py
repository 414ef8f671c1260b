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
from akid.threads import available_cpus, cgroup_quota, choose_threads, forward_work, settle_threads


@pytest.mark.parametrize(
    ("work", "cpus", "threads"),
    [(None, 8, 8), (0, 8, 1), (50_000_000, 8, 1), (50_000_001, 8, 2), (10**12, 8, 8), (10**12, 1, 1)],
)
def test_threads_by_work(work: int | None, cpus: int, threads: int) -> None:
    assert choose_threads(work, cpus) == threads


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
    monkeypatch.setattr("akid.threads.cgroup_quota", lambda _: quota)
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
"""


def test_the_recorded_number_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "runtime.json").write_text('{"intra_op_threads": 3}')
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", CHOOSE, str(tmp_path)], cwd=here, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3"]


def test_a_sensor_may_be_asked_for_its_work_again(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.setup()
    assert isinstance(kid.sensor, Sensor)
    assert forward_work(kid.brain, kid.sensor) is None, "what is built is not counted again"
