"""The process of one training instance: ``akid run`` with devices, a run directory and a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from akid.job.manifest import dialect
from akid.runs.run_dir import write_atomically
from akid.trainer import tether
from akid.tuner.devices import Devices
from akid.tuner.trial import NewLines, Trial

#: Bytes at the end of a log that are looked at for why an instance failed.
TAIL = 8192


def manifest_of(trial: Trial, kid: dict[str, Any], devices: Devices) -> dict[str, Any]:
    """The AkidJob of an instance: its kid filled in, with a seed of its own for a repetition.

    A declarative kid that takes several GPUs runs on all of them; one in Python says itself what it does.
    """
    size, repeat = trial.proposal.size, trial.proposal.repeat
    engine: dict[str, Any] = {"name": "single"}
    if devices.gpu and size > 1 and "script" not in kid:
        engine = {"name": "data_parallel", "num_gpu": size}
    seed = {"seed": kid.get("seed", 0) + repeat} if repeat else {}
    return {
        "apiVersion": "akid.dev/v1alpha1",
        "kind": "AkidJob",
        "metadata": {"name": f"trial-{trial.number}"},
        "spec": {"kid": {**kid, **seed}, "engine": engine},
    }


class TrialProcess:
    """An instance that was started; it ends with this process at the latest.

    Args:
        trial: the instance.
        kid: ``spec.kid``, filled in.
        devices: of the machine.
        taken: those it may use.

    Raises:
        StorageError: its directory cannot be written.
    """

    def __init__(self, trial: Trial, kid: dict[str, Any], devices: Devices, taken: Sequence[str]) -> None:
        self.trial, self.taken, self.pruned = trial, taken, False
        self.lines = NewLines(trial.log_dir / "metrics.jsonl")
        self._began = time.monotonic()
        job = trial.log_dir / "job.yaml"
        write_atomically(job, dialect.write(manifest_of(trial, kid, devices)))
        if "script" in kid:
            write_atomically(trial.log_dir / "setup.py", kid["script"])
        argv = [sys.executable, "-m", "akid", "run", str(job), "--log-dir", str(trial.log_dir)]
        starter = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **devices.environment(taken)}
        self._log = trial.log_dir / "output.log"
        with self._log.open("ab") as log, _on_cpus(devices.cpus(taken)):
            self._popen = subprocess.Popen(
                [*starter, *argv], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is for the one that tunes
            )  # fmt: skip
        self.end = os.pidfd_open(self._popen.pid)

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._began

    def stop(self) -> None:
        """Let it write a checkpoint and end."""
        self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and whatever it started."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)

    def reap(self) -> int:
        """Its exit code, once it is over; below 0, the signal that ended it."""
        code = self._popen.wait()
        os.close(self.end)
        return code

    def last_words(self) -> str:
        """The last line it said."""
        with self._log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().decode(errors="replace").split("\n")
        said = [line.removeprefix("akid: ") for line in lines if line.strip()]
        return said[-1] if said else ""


@contextmanager
def _on_cpus(cpus: set[int] | None) -> Iterator[None]:
    """What is started in this context runs on these CPUs alone: a child takes over the affinity of its thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
