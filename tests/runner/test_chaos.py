"""Faults on purpose as they are given on the command line."""

from __future__ import annotations

import pytest
from cli.files import write
from runner.stubs import job, logs, run
from trainer.members import supervised, told

from akid.cli import main
from akid.errors import InvalidSpecError
from akid.runner.chaos import Fault, parse_fault

MEMBERS = ("worker-0", "worker-1")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kill:worker-1@step=300", Fault("kill", "worker-1", step=300)),
        ("stop:worker-0@every=1.5s", Fault("stop", "worker-0", every=1.5)),
        ("term:worker-0@step=1", Fault("term", "worker-0", step=1)),
        ("exit=42:worker-1@step=10", Fault("exit", "worker-1", step=10, code=42)),
    ],
)
def test_a_fault_says_what_happens_to_whom_and_when(text, fault):
    assert parse_fault(text, MEMBERS) == fault


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kil:worker-1@step=3", "--chaos: expected ACTION:MEMBER@step=N or ACTION:MEMBER@every=SECONDSs"),
        ("kill:worker-1", "received 'kill:worker-1'."),
        ("kill:worker-7@step=3", "the job has no member 'worker-7'. Did you mean 'worker-1'?"),
        ("exit=42:worker-1@every=3s", "exit takes a code of 1 to 255 and a step"),
        ("exit=256:worker-1@step=3", "exit takes a code of 1 to 255 and a step"),
        ("kill:worker-1@every=0s", "expected more than 0 seconds"),
    ],
)
def test_a_fault_of_another_form_is_refused(text, problem):
    with pytest.raises(InvalidSpecError) as error:
        parse_fault(text, MEMBERS)
    assert problem in str(error.value)


def test_a_job_of_one_member_has_no_faults_on_purpose(tmp_path, capsys):
    assert main(["run", write(tmp_path), "--chaos", "kill:worker-0@step=1"]) == 2
    assert "--chaos: only a job of several members has faults on purpose" in capsys.readouterr().err


def test_a_fault_can_come_again_and_again(tmp_path):
    file = supervised(tmp_path, "time.sleep(0.01)", workers=2)
    assert run(file, "--chaos", "kill:worker-1@every=1s").returncode == 0
    killed = [line for line in told(file, "worker-1") if line.get("code") == -9]
    assert killed


def test_a_program_without_a_supervisor_is_hit_itself(tmp_path):
    program = """
report.step(5)
again = log_dir / "logs/worker-1-1.log"
while (index == 1 and start == 0) or not again.exists():
    time.sleep(0.01)
"""
    file = job(tmp_path, program, workers=2)
    done = run(file, "--chaos", "kill:worker-1@step=5")
    assert done.returncode == 0, done.stderr
    assert "restarts 1" in done.stdout
    assert sorted(logs(file)) == ["worker-0-0", "worker-1-0", "worker-1-1"]
