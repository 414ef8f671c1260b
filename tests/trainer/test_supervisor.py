"""Supervisors with real processes: who is started again in place, what counts, what is told."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from runner.stubs import alive, environment_of, logs, pids, run, started, wait_until
from trainer.members import supervised, told


def test_a_job_ends_once_its_chief_is_done(tmp_path):
    begin = time.monotonic()
    file = supervised(tmp_path, "time.sleep(0 if index == 0 else 10)")
    done = run(file)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 12
    assert done.stdout.splitlines()[-2] == "digits: succeeded"


@pytest.mark.parametrize("member", ["worker-0", "worker-2"])
def test_a_training_process_that_is_killed_is_started_again_in_place_uncounted(member, tmp_path):
    file = supervised(tmp_path)
    done = run(file, "--chaos", f"kill:{member}@step=55")
    assert done.returncode == 0, done.stderr
    summary = done.stdout.splitlines()[-2]
    assert summary.startswith("digits: succeeded, restarts in place 1, steps redone ")
    assert 0 < int(summary.split()[-1]) < 30
    generations = [line["generation"] for line in told(file, "worker-1") if line["message"].endswith("started")]
    assert generations == [1, 2]
    blamed = [line.get("blamed") for line in told(file, "worker-1") if "blamed" in line]
    assert blamed == [[], [member]]


def test_an_end_that_repeats_at_one_step_ends_the_member_which_counts(tmp_path):
    crash = "if step >= 33: os.kill(os.getpid(), 11) if index == 1 else time.sleep(60)"
    done = run(supervised(tmp_path, crash, maxRestarts=1))
    assert done.returncode == 1
    assert "worker-1 failed with exit code 139 (SIGSEGV)" in done.stderr
    assert "all 1 restarts are used" in done.stderr
    file = tmp_path / "job.yaml"
    starts = [text.count("training process started") for name, text in logs(file).items() if "worker-1" in name]
    assert starts == [4, 3]
    assert not any("worker-0-1" in name or "worker-2-1" in name for name in logs(file))


def test_a_code_of_the_program_s_own_ends_the_job_with_its_error_at_once(tmp_path):
    fail = "if index == 1 and step == 33: report.error('ZeroDivisionError: division by zero'); sys.exit(1)"
    done = run(supervised(tmp_path, fail))
    assert done.returncode == 1
    message = "akid: digits-worker-1 failed with exit code 1: ZeroDivisionError: division by zero"
    assert message in done.stderr.splitlines()


def test_a_lost_peer_is_told_by_the_pipe_whatever_the_exit_code(tmp_path):
    lost = """
    if index == 1 and step == 33 and generation == 1: os.kill(os.getpid(), 9)
    if index == 2 and step == 60 and generation == 1: report.peer_lost('worker-1 is gone'); sys.exit(1)
"""
    done = run(supervised(tmp_path, lost.strip()))
    assert done.returncode == 0, done.stderr
    assert ", restarts " in done.stdout
    assert "restarts 1" not in done.stdout


def test_peers_that_are_lost_again_and_again_for_no_reason_are_no_endless_loop(tmp_path):
    lost = "if index == 1: report.peer_lost('no route to host'); sys.exit(1)"
    done = run(supervised(tmp_path, lost, workers=2, steps=100_000, maxRestarts=0))
    assert done.returncode == 1
    assert "failed with exit code 42" in done.stderr


def test_a_member_that_is_told_to_end_is_replaced_and_the_others_go_on(tmp_path):
    agreed = (
        "if index != 1 and generation == 1 and step == 100: report.peer_lost('worker-1 leaves'); sys.exit(143)"
    )
    file = supervised(tmp_path, agreed)
    done = run(file, "--chaos", "term:worker-1@step=40")
    assert done.returncode == 0, done.stderr
    assert "restarts in place 1" in done.stdout
    assert [name for name in logs(file) if "worker-1" in name] == ["worker-1-0", "worker-1-1"]


@pytest.mark.parametrize("member", ["worker-0", "worker-1"])
def test_a_stopped_training_process_is_ended_by_its_supervisor(member, tmp_path):
    file = supervised(tmp_path, "time.sleep(0.04 if index == 0 else 0)")
    done = run(file, "--chaos", f"stop:{member}@step=20")
    assert done.returncode == 0, done.stderr
    assert [line["code"] for line in told(file, member) if "code" in line] == [-9, 0]
    assert any("it is stopped (SIGSTOP)" in line["message"] for line in told(file, member))


def test_steps_that_stand_still_are_a_hang_and_what_takes_long_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("AKID_HANG_SECONDS", "2")
    body = """
    report.steps(0.01)
    time.sleep(0.1 if index == 0 else 0)
    if index == 1 and step == 40: report.rest(); time.sleep(3)
    if index == 1 and step == 60 and generation == 1: time.sleep(60)
"""
    file = supervised(tmp_path, body.strip(), workers=2)
    done = run(file)
    assert done.returncode == 0, done.stderr
    hangs = [line["message"] for line in told(file, "worker-1") if "hangs" in line["message"]]
    assert len(hangs) == 1
    assert "no step for " in hangs[0]
    assert ", restarts in place 1" in done.stdout


def test_a_chief_that_is_replaced_goes_on_counting(tmp_path):
    file = supervised(tmp_path, "time.sleep(0.02)", workers=2, steps=200)
    with started(file, "--chaos", "kill:worker-1@step=30") as process:
        second = wait_until(lambda: [pid for pid in pids(file, 4) if alive(pid)])
        base = f"http://127.0.0.1:{environment_of(second[0])['AKID_METRICS_PORT']}"
        before = wait_until(lambda: found if (found := json.loads(page(f"{base}/status")))["step"] > 110 else None)
        os.kill(parent_of(second[0]), signal.SIGKILL)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert before["inPlaceRestarts"] == 1
    summary = output.splitlines()[-2]
    assert ", restarts 1, restarts in place 1" in summary
    assert int(summary.partition("steps redone ")[2] or 0) >= before["stepsRedone"]


def test_exit_makes_the_member_end_with_that_code(tmp_path):
    file = supervised(tmp_path)
    done = run(file, "--chaos", "exit=42:worker-1@step=40")
    assert done.returncode == 0, done.stderr
    assert "restarts 1" in done.stdout


def page(url: str) -> str:
    """The text at an address."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def parent_of(pid: int) -> int:
    """The pid of a process' parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def memory_of(pid: int) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def test_status_is_open_and_the_rendezvous_needs_the_token(tmp_path):
    file = supervised(tmp_path, "time.sleep(0.05)", workers=2, steps=10_000)
    with started(file) as process:
        members = pids(file, 2)
        environment = environment_of(members[0])
        base = f"http://127.0.0.1:{environment['AKID_METRICS_PORT']}"
        status = wait_until(lambda: found if (found := json.loads(page(f"{base}/status")))["step"] else None)
        assert (status["maxSteps"], status["generation"], status["stepsRedone"]) == (10_000, 1, 0)
        assert memory_of(parent_of(members[0])) <= 25
        assert status["loss"] == pytest.approx(1 / status["step"], rel=1e-5)
        assert 'akid_generation{job="digits",member="worker-0"} 1' in page(f"{base}/metrics")
        request = urllib.request.Request(f"http://{environment['AKID_RENDEZVOUS']}/leave", b"{}")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    assert not any(map(alive, members))
