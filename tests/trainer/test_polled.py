"""A supervisor as the operator sees it: what it serves and what it leaves is progress of an AkidJob."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from akid_operator.progress.fetch import PollError, StatusReader, Target
from akid_operator.work.items import Key
from runner.stubs import wait_until

from akid.job.api.status import Progress
from akid.job.objects.reported import Endpoint, progress_of
from akid.trainer.ports import free_port

#: Trains to step 100; at 50 it waits for a file called `go`.
PROGRAM = """
import os, time
from pathlib import Path
from akid.report import Reporter
report, go = Reporter.from_environment(), Path("go")
Path("pid").write_text(str(os.getpid()))
step = int(Path("step").read_text()) if Path("step").exists() else 0
report.step(step, max_steps=100)
while step < 100:
    while step == 50 and not go.exists():
        time.sleep(0.01)
    time.sleep(0.002)
    step += 1
    Path("new").write_text(str(step))
    Path("new").replace("step")
    report.step(step, max_steps=100, loss=1 / step, metrics={"accuracy": step / 100, "odd": float("nan")})
report.done()
"""
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def supervised(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Endpoint]]:
    """A chief that trains alone, and where it is asked."""
    port = free_port()
    (directory / "last").touch()
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    env = {"AKID_METRICS_PORT": str(port), "AKID_TERMINATION_LOG": str(directory / "last"), "PYTHONPATH": path}
    argv = [sys.executable, "-m", "akid", "train", "--", sys.executable, "-c", PROGRAM]
    with subprocess.Popen(argv, cwd=directory, env=os.environ | env, stdout=subprocess.DEVNULL) as process:
        try:
            yield process, Endpoint("127.0.0.1", port)
        finally:
            process.kill()


def asked(endpoint: Endpoint) -> Progress | None:
    """What the operator makes of its answer."""

    async def ask() -> Any:
        async with StatusReader() as reader:
            return progress_of(await reader.read(Target(Key("lab", "digits"), "digits-worker-0", "uid"), endpoint))

    try:
        return asyncio.run(ask())
    except PollError:
        return None


def reached(endpoint: Endpoint, step: int, **facts: Any) -> Progress:
    """Its progress once it is at a step, and the other facts hold too."""

    def there() -> Progress | None:
        found = asked(endpoint)
        wanted = {"step": step, **facts}
        return found if found and all(getattr(found, name) == value for name, value in wanted.items()) else None

    return wait_until(there)


def test_the_operator_reads_a_supervisor_s_progress_through_a_restart_in_place_to_its_last_words(tmp_path):
    with supervised(tmp_path) as (process, endpoint):
        found = reached(endpoint, 50)
        assert (found.max_steps, found.loss, found.metrics) == (100, 0.02, {"accuracy": 0.5})
        assert (found.generation, found.in_place_restarts, found.steps_redone) == (1, 0, 0)
        assert found.eta is not None
        assert found.goodput is not None
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        reached(endpoint, 50, in_place_restarts=1, generation=2)
        (tmp_path / "go").touch()
        assert process.wait(timeout=30) == 0
    last = progress_of((tmp_path / "last").read_text())
    assert last is not None
    assert (last.step, last.loss, last.in_place_restarts) == (100, 0.01, 1)
