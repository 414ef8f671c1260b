"""The local runner with real processes: restarts, deadlines, endings, as on a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from json_lines import json_lines
from runner.stubs import command, job, logs, run


def events(text: str) -> list[str]:
    """Reasons of the job's events, in order."""
    records = json_lines(text)
    return [record["reason"] for record in records if record.get("kind") == "event"]


def test_every_member_runs_and_the_chief_s_records_are_shown(tmp_path):
    file = job(tmp_path, 'print(\'{"kind": "train", "step": %d}\' % index); print(os.environ["TF_CONFIG"])')
    done = run(file)
    assert done.returncode == 0
    assert '{"kind": "train", "step": 0}' in done.stdout
    assert '"step": 1' not in done.stdout
    assert done.stdout.splitlines()[-2:] == ["digits: succeeded", f"results: {tmp_path / 'run'}"]
    configs = [json.loads(text.splitlines()[1]) for text in logs(file).values()]
    assert [config["task"]["index"] for config in configs] == [0, 1, 2]
    assert len(set(configs[0]["cluster"]["worker"])) == 3
    assert all(config["cluster"] == configs[0]["cluster"] for config in configs)


def test_a_member_that_asks_for_a_restart_gets_one_and_each_log_is_kept(tmp_path):
    program = """
print("start", start)
again = log_dir / "logs/worker-1-1.log"
while index == 0 and not (again.exists() and again.stat().st_size):
    time.sleep(0.01)
sys.exit(42 if index == 1 and start == 0 else 0)
"""
    file = job(tmp_path, program, workers=2)
    done = run(file)
    assert done.returncode == 0
    assert "digits: succeeded, restarts 1" in done.stdout
    assert logs(file) == {"worker-0-0": "start 0\n", "worker-1-0": "start 0\n", "worker-1-1": "start 1\n"}
    assert events(done.stdout) == ["Created", "Running", "Restarting", "Running", "Succeeded"]


def test_restarts_that_are_used_up_end_the_job_with_the_last_error(tmp_path):
    program = "report.error('the disk is on fire') if index == 1 else time.sleep(60); sys.exit(42)"
    done = run(job(tmp_path, program, workers=2, maxRestarts=0))
    assert done.returncode == 1
    message, hint = done.stderr.splitlines()[-2:]
    assert message == (
        "akid: digits-worker-1 failed with exit code 42: the disk is on fire; all 0 restarts are used"
    )
    assert hint == f"logs: akid logs {tmp_path / 'run'}"


def test_a_permanent_failure_stops_everybody_within_seconds(tmp_path):
    program = """
if index == 1:
    print("Traceback ...")
    report.error("ZeroDivisionError: division by zero")
    sys.exit(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""
    begin = time.monotonic()
    done = run(job(tmp_path, program))
    assert done.returncode == 1
    assert time.monotonic() - begin < 20
    assert "akid: digits-worker-1 failed with exit code 1: ZeroDivisionError: division by zero" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_kid_is_told_in_one_line_with_code_2(tmp_path):
    done = run(job(tmp_path, "report.error('spec.kid.brain: no such brain'); sys.exit(2)"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "akid: spec.kid.brain: no such brain"


def test_a_program_that_is_not_there_is_named(tmp_path):
    file = job(tmp_path, "")
    manifest = json.loads(file.read_text())
    manifest["spec"]["template"]["spec"]["containers"][0]["command"] = ["no-such-program"]
    file.write_text(json.dumps(manifest))
    done = run(file)
    assert done.returncode == 1
    assert "no-such-program cannot be run: No such file or directory." in done.stderr


def test_a_job_that_is_out_of_time_fails(tmp_path):
    done = run(job(tmp_path, "time.sleep(60)", workers=2, activeDeadlineSeconds=1))
    assert done.returncode == 1
    assert "not done after 1 s" in done.stderr


def test_recreate_replaces_every_member_at_new_addresses(tmp_path):
    program = """
print(os.environ["AKID_ATTEMPT"], os.environ["TF_CONFIG"])
while index and not (log_dir / "logs/worker-0-0.log").stat().st_size:
    time.sleep(0.01)
time.sleep(0 if index or start else 60)
sys.exit(137 if index and not start else 0)
"""
    file = job(tmp_path, program, workers=2, restartStrategy="Recreate")
    done = run(file)
    assert done.returncode == 0, done.stderr
    first, second = (logs(file)[f"worker-0-{n}"].split(maxsplit=1) for n in (0, 1))
    assert (first[0], second[0]) == ("0", "1")
    assert json.loads(first[1])["cluster"] != json.loads(second[1])["cluster"]


@pytest.mark.parametrize(("policy", "ended"), [("Running", False), ("None", True)])
def test_clean_pod_policy_says_whether_others_may_go_on(policy, ended, tmp_path):
    program = "time.sleep(5 if index else 0); print('ended by itself')"
    file = job(tmp_path, program, workers=2, cleanPodPolicy=policy)
    assert run(file).returncode == 0
    assert ("ended by itself" in logs(file)["worker-1-0"]) == ended


def test_the_runner_itself_loads_no_tensorflow(tmp_path):
    program = f"""
import sys
from akid.cli import main
code = main({command(job(tmp_path, "", workers=2))[3:]!r})
sys.exit(code or int("tensorflow" in sys.modules or "numpy" in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_restarts_with_progress_between_them_are_made_at_once(tmp_path):
    steps = """
step = 0
if index == 1:
    time.sleep(0.3)
    sys.exit(137 if start < 3 else 0)
while not (log_dir / "logs/worker-1-3.log").exists():
    time.sleep(0.01)
    step += 1
    report.step(step)
"""
    begin = time.monotonic()
    done = run(job(tmp_path, steps, workers=2, maxRestarts=3))
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 10  # without progress, the second waits 10 s and the third 20 s
