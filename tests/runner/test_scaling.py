"""`akid scale`, with members that train without TensorFlow: who goes, who comes, what is refused."""

from __future__ import annotations

import os
import signal
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from job.scenes import SERVERS, TWO, job_with, running
from runner.stubs import logs, started, supervisor_of, wait_until
from trainer.members import supervised

from akid.cli import main
from akid.errors import AkidError, InvalidSpecError
from akid.job.api.status import Status
from akid.runner.control import NAME, Control, ask
from akid.runner.events import Waiter
from akid.runner.scaling import scaled

#: Members that end when one is told to, once the chief has saved, as an engine's processes do.
#: They make their steps without each other: how many, and which again, says test_elastic_training.py.
TOGETHER = """
    ending, saved, lost = (log_dir / f"{name}-{generation}" for name in ("ending", "saved", "lost"))
    signal.signal(signal.SIGTERM, lambda *_: ending.touch())
    if step % 10 == 1:
        cluster = __import__("json").loads(os.environ["TF_CONFIG"])["cluster"]
        (log_dir / f"seen-{generation}-{index}").write_text(str(len(cluster["worker"])))
    if ending.exists() or lost.exists():
        if index == 0:
            checkpoint.write_text(str(step))
            saved.touch()
        while ending.exists() and not saved.exists():
            time.sleep(0.01)
        report.peer_lost("all end together")
        sys.exit(143 if ending.exists() else 1)
    if (log_dir / "finish").exists():
        step = steps
"""
STEPS = 1_000_000


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Whoever is known is waited for, however slow the machine is."""
    monkeypatch.setenv("AKID_ELASTIC_GRACE_SECONDS", "60")


def elastic(directory: Path, workers: int, least: int | None = 1, **spec: Any) -> Path:
    engine = {"name": "multi_worker", "workers": workers} | ({"minWorkers": least} if least else {})
    return supervised(directory, TOGETHER.strip(), steps=STEPS, engine=engine, **spec)


def scale(file: Path, workers: int) -> int:
    return main(["scale", str(file.parent / "run"), str(workers)])


def train_with(file: Path, *members: int) -> int:
    """Wait until these, and nobody else, make steps together; gives their generation."""

    def together() -> int:
        seen = [path.name.split("-")[1:] for path in (file.parent / "run").glob("seen-*")]
        newest = max((int(generation) for generation, _ in seen), default=0)
        there = {int(index) for generation, index in seen if int(generation) == newest}
        sizes = {(file.parent / f"run/seen-{newest}-{index}").read_text() for index in there}
        return newest if there == set(members) and sizes == {str(len(members))} else 0

    return wait_until(together)


def finish(file: Path, process: Any) -> str:
    """Let the members end; gives what the runner printed."""
    (file.parent / "run/finish").touch()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output


def test_members_go_and_come_and_the_chief_stays(tmp_path, capsys):
    file = elastic(tmp_path, 4, least=2)
    with started(file) as process:
        train_with(file, 0, 1, 2, 3)
        assert scale(file, 2) == 0
        assert capsys.readouterr().out == "digits: from 4 to 2 workers; the others go on\n"
        train_with(file, 0, 1)
        assert scale(file, 2) == 0
        assert capsys.readouterr().out == "digits: 2 workers, as before\n"
        assert scale(file, 1) == 2
        assert "workers: expected at least minWorkers, which is 2, received 1." in capsys.readouterr().err
        assert scale(file, 3) == 0
        train_with(file, 0, 1, 2)
        output = finish(file, process)
    assert output.splitlines()[-2].startswith("digits: succeeded, restarts in place ")
    assert output.count('"reason": "Scaled"') == 2
    assert "Restarting" not in output
    assert sorted(logs(file)) == ["worker-0-0", "worker-1-0", "worker-2-0", "worker-2-1", "worker-3-0"]


def test_requests_in_quick_succession_end_at_the_last_one(tmp_path):
    file = elastic(tmp_path, 3)
    with started(file) as process:
        train_with(file, 0, 1, 2)
        for workers in (2, 4, 1, 3, 2):
            assert scale(file, workers) == 0
        train_with(file, 0, 1)
        output = finish(file, process)
    assert ", restarts " not in output.replace("restarts in place", "")
    assert [name for name in logs(file) if name.startswith("worker-0")] == ["worker-0-0"]


def test_the_others_go_on_without_a_member_that_is_lost_and_it_can_be_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("AKID_ELASTIC_GRACE_SECONDS", "0.3")
    file = elastic(tmp_path, 3, grace=1)
    with started(file) as process:
        generation = train_with(file, 0, 1, 2)
        supervisor = supervisor_of(process.pid, "2")
        os.kill(supervisor, signal.SIGSTOP)  # it answers nobody any more
        (tmp_path / f"run/lost-{generation}").touch()
        train_with(file, 0, 1)
        assert scale(file, 2) == 0
        wait_until(lambda: not Path(f"/proc/{supervisor}").exists())
        output = finish(file, process)
    assert "restarts 1" not in output


def test_without_a_minimum_all_members_are_replaced(tmp_path, capsys):
    file = elastic(tmp_path, 2, least=None)
    with started(file) as process:
        train_with(file, 0, 1)
        assert scale(file, 3) == 0
        assert "without minWorkers, all of them are replaced" in capsys.readouterr().out
        train_with(file, 0, 1, 2)
        finish(file, process)
    assert sorted(logs(file)) == ["worker-0-0", "worker-0-1", "worker-1-0", "worker-1-1", "worker-2-0"]


ELASTIC = {"name": "multi_worker", "workers": 4, "minWorkers": 2}


@pytest.mark.parametrize(
    ("engine", "workers", "problem"),
    [
        (SERVERS, 3, "only the engine multi_worker can be scaled, received engine parameter_server. Stop the run"),
        (ELASTIC, 1, "expected at least minWorkers, which is 2, received 1."),
        (ELASTIC, 65, "expected at most the 64 rows of a batch, one for each worker, received 65."),
        (ELASTIC, 81, "expected at most 80 on this machine with its 20 processors, received 81."),
        (TWO, 0, "expected at least 1, received 0 (an integer)."),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_the_reason(engine, workers, problem):
    with pytest.raises(InvalidSpecError) as error:
        scaled(job_with(engine=engine), workers, cpus=20)
    assert str(error.value).startswith(f"spec.engine.workers: {problem}")


def test_a_job_keeps_its_status_and_all_else_when_it_is_scaled():
    before = job_with(running(engine=TWO), engine=TWO, runPolicy={"maxRestarts": 7})
    after = scaled(before, 3, cpus=2)
    assert after.spec.engine.workers == 3
    assert after.status == before.status
    assert after.spec.kid == before.spec.kid
    assert after.spec.run_policy == before.spec.run_policy
    assert after.metadata.generation == before.metadata.generation + 1


def test_a_job_that_has_ended_is_not_scaled():
    status = Status.model_validate({"state": "Succeeded", "conditions": [
        {"type": "Succeeded", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    ]})  # fmt: skip
    with pytest.raises(InvalidSpecError, match="the job has succeeded already"):
        scaled(job_with(engine=TWO).model_copy(update={"status": status}), 3, cpus=2)


@pytest.mark.parametrize("left", ["nothing", "a socket"])
def test_a_directory_that_no_runner_uses_is_told(left, tmp_path, capsys):
    if left == "a socket":
        Control(tmp_path, Waiter(), lambda _: "")._listener.close()  # as a runner that was killed leaves it
    assert main(["scale", str(tmp_path), "3"]) == 2
    problem = f"akid: No `akid run` of several members uses {tmp_path} now."
    assert capsys.readouterr().err == f"{problem} Start one: akid run FILE --log-dir {tmp_path}\n"


@pytest.fixture
def control(tmp_path):
    """A runner's end of the socket in a directory with a long name, and what gives its answers."""
    directory = tmp_path / ("a" * 120)
    directory.mkdir()
    waiter = Waiter()
    control = Control(directory, waiter, lambda request: f"heard {request['workers'] + 1}")
    yield directory, control, waiter
    control.close()
    waiter.close()


def asked(directory: Path, waiter: Waiter, request: Any) -> list[Any]:
    """What comes of a request."""
    answers: list[Any] = []

    def client() -> None:
        try:
            answers.append(ask(directory, request))
        except AkidError as error:
            answers.append(error)

    thread = threading.Thread(target=client)
    thread.start()
    while thread.is_alive():
        waiter.wait(0.05)
    return answers


def test_only_this_user_can_reach_a_runner(control):
    directory, _, waiter = control
    assert stat.S_IMODE((directory / NAME).stat().st_mode) == 0o600
    assert asked(directory, waiter, {"workers": 2}) == ["heard 3"]


@pytest.mark.parametrize("request_", [{}, [], {"workers": "2"}, None])
def test_a_request_of_another_form_does_the_runner_no_harm(request_, control):
    directory, _, waiter = control
    (error,) = asked(directory, waiter, request_)
    assert "is ending" in str(error)
    assert asked(directory, waiter, {"workers": 2}) == ["heard 3"]


def test_a_runner_that_ends_takes_the_socket_with_it(control):
    directory, control_, _ = control
    control_.close()
    assert not (directory / NAME).exists()
