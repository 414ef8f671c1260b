"""The process of one training instance: ``akid run`` with devices, a run directory and a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from akid.job.api.job import API_VERSION, KIND
from akid.job.manifest import dialect
from akid.job.trials import Trial as JobTrial
from akid.job.trials import kid_of_trial
from akid.manifests.fill import is_template
from akid.manifests.scripts import render
from akid.runs.run_dir import write_atomically
from akid.trainer import tether
from akid.tuner.devices import Devices
from akid.tuner.templates import Template
from akid.tuner.trial import NewLines, Trial

#: Variables that say which run of an experiment tracker a process is.
ONE_RUN = ("MLFLOW_RUN_ID", "WANDB_RUN_ID")
#: Bytes at the end of a log that are looked at for why an instance failed.
TAIL = 8192


def manifest_of(trial: Trial, template: Template, devices: Devices) -> dict[str, Any]:
    """The AkidJob of an instance.

    A script is filled in where it runs, as on a cluster; a declarative kid here, since more of it may be a
    template than the API of a job allows, such as a number. A declarative kid that takes several GPUs runs on all
    of them; one in Python says itself what it does.

    Raises:
        InvalidSpecError: the template is wrong, or a value is not given; with the line or the path.
    """
    kid, size = kid_of_trial(template.kid, setting_of(trial)), trial.proposal.size
    filled = replace(template, kid=kid).filled(kid["params"])
    engine: dict[str, Any] = {"name": "single"}
    if "script" not in kid:
        engine = {"name": "data_parallel", "num_gpu": size} if devices.gpu and size > 1 else engine
        kid = filled | ({} if is_template(filled) else {"params": kid["params"]})  # nothing is filled in twice
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": f"trial-{trial.number}"},
        "spec": {"kid": kid, "engine": engine},
    }


def setting_of(trial: Trial) -> JobTrial:
    """The parameters of an instance, as jobs have them."""
    proposal = trial.proposal
    return JobTrial(trial.number, proposal.net_paras, proposal.opt_paras, proposal.repeat)


class TrialProcess:
    """An instance that was started; it ends with this process at the latest.

    Args:
        trial: the instance.
        job: its manifest.
        devices: of the machine.
        taken: those it may use.

    Raises:
        StorageError: its directory cannot be written.
    """

    def __init__(self, trial: Trial, job: dict[str, Any], devices: Devices, taken: Sequence[str]) -> None:
        self.trial, self.taken, self.pruned = trial, taken, False
        self.lines = NewLines(trial.log_dir / "metrics.jsonl")
        self._began = time.monotonic()
        path = trial.log_dir / "job.yaml"
        write_atomically(path, dialect.write(job))
        kid = job["spec"]["kid"]
        if "script" in kid:  # for people to read
            write_atomically(trial.log_dir / "setup.py", render(kid["script"], kid["params"]))
        argv = [sys.executable, "-m", "akid", "run", str(path), "--log-dir", str(trial.log_dir)]
        starter = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        # A run that a tracker is told to go on with cannot be all of them.
        kept = {name: value for name, value in os.environ.items() if name not in ONE_RUN}
        environment = {**kept, "PYTHONUNBUFFERED": "1", **devices.environment(taken)}
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
