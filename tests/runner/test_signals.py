"""The local runner when it is told to end, or is killed: checkpoints are written, nothing is left."""

from __future__ import annotations

import json
import signal
import time

import pytest
from runner.stubs import alive, job, logs, pids, run, started, wait_until

#: Ends with 143 on SIGTERM, as a trainer that wrote a checkpoint.
PATIENT = """
def end(*_):
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print(f"pid={os.getpid()}")
time.sleep(0 if start else 60)
"""
#: Ends by force only, and so does what it started.
STUBBORN = """
import subprocess
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "60"])
print(f"pid={os.getpid()} pid={child.pid}")
time.sleep(60)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_every_member_save_and_a_second_run_goes_on(number, code, tmp_path):
    file = job(tmp_path, PATIENT, workers=2)
    with started(file) as process:
        members = pids(file, 2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert not any(map(alive, members))
    assert all("saved" in text for text in logs(file).values())
    assert run(file).returncode == 0
    assert sorted(logs(file)) == ["worker-0-0", "worker-0-1", "worker-1-0", "worker-1-1"]


def test_a_second_interrupt_ends_members_that_do_not_want_to(tmp_path):
    file = job(tmp_path, STUBBORN, workers=2)
    with started(file) as process:
        members = pids(file, 4)
        process.send_signal(signal.SIGINT)
        with pytest.raises(TimeoutError):
            _wait_for_nobody(members)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    assert not any(map(alive, members))


def _wait_for_nobody(members: list[int]) -> None:
    end = time.monotonic() + 0.3
    while any(map(alive, members)):
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


def test_the_grace_period_of_the_template_ends_such_members_too(tmp_path):
    file = job(tmp_path, STUBBORN, workers=1)
    manifest = json.loads(file.read_text())
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    file.write_text(json.dumps(manifest))
    with started(file) as process:
        members = pids(file, 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    assert not any(map(alive, members))


def test_nothing_is_left_of_a_runner_that_was_killed(tmp_path):
    file = job(tmp_path, STUBBORN)
    with started(file) as process:
        members = pids(file, 6)
        process.kill()
        wait_until(lambda: not any(map(alive, members)))


def test_a_run_directory_is_used_by_one_runner_at_a_time(tmp_path):
    file = job(tmp_path, PATIENT, workers=1)
    with started(file):
        pids(file, 1)
        done = run(file)
    assert done.returncode == 1
    assert done.stderr == (
        f"akid: Another `akid run` uses {tmp_path / 'run'}. Wait for its end, or use another --log-dir.\n"
    )
