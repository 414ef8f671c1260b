"""``tune``: one template of a Kid, many parameters, every GPU busy (paper, section 3.1.2)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from akid.checks import Check
from akid.errors import AkidError, DataError
from akid.kids.stopping import Goal
from akid.runs.run_dir import RunDir, read_json, write_json
from akid.tuner.devices import Devices
from akid.tuner.objective import objective_of
from akid.tuner.process import manifest_of
from akid.tuner.result import TuneResult
from akid.tuner.strategies import GridStrategy, Strategy
from akid.tuner.table import Table
from akid.tuner.templates import Setup, Template
from akid.tuner.tuning import Rules, Tuning


def tune(
    setup: Setup,
    opt_paras_list: Sequence[Mapping[str, Any]] = ({},),
    net_paras_list: Sequence[Mapping[str, Any]] = ({},),
    repeat_times: int = 1,
    gpu_num_per_instance: int | Sequence[int] = 1,
    *,
    strategy: Strategy | None = None,
    objective: str | Mapping[str, Any] | Goal = "val_loss",
    log_dir: str | os.PathLike[str] = "runs/tune",
    devices: int | None = None,
    max_steps: int | None = None,
    fresh: bool = False,
    retry_failed: bool = False,
    progress: bool | None = None,
) -> TuneResult:
    """Train a Kid for every network with every optimization, as many at a time as there are GPUs for.

    An instance is a process of its own, with devices, a run directory (``LOG_DIR/trial-0000``: what any run
    leaves, and ``setup.py``, ``job.yaml``, ``output.log``, ``trial.json``) and nothing else of its own. One that
    fails is noted with its error, and the others go on. Interrupted and called again with the same arguments, it
    goes on where it was. Where there is no GPU, a CPU takes the place of one.

    Args:
        setup: the template, in which ``{{ net_paras["..."] }}``, ``{{ opt_paras["..."] }}`` and ``{{ repeat }}``
            stand for values: a function whose source it is, the path or the text of a script that defines
            ``setup()``, or a declarative kid as a dict.
        opt_paras_list: hyper parameters of the optimization, a dict for each.
        net_paras_list: hyper parameters of the network, a dict for each.
        repeat_times: how often each pair is trained; each time with a seed of its own.
        gpu_num_per_instance: GPUs for each instance; or a list with a number for each, repetitions outermost,
            then optimizations, networks innermost.
        strategy: what is tried instead of every pair: `RandomStrategy`, `OptunaStrategy`.
        objective: what is to be small or large, see `akid.tuner.objective.objective_of`.
        log_dir: holds the run directories.
        devices: how many GPUs (or CPUs) to use at most; all if left out.
        max_steps: of every instance, in place of what the template says.
        fresh: forget what an earlier call left in ``log_dir``.
        retry_failed: run the instances again that failed in an earlier call.
        progress: None: a table that moves on a terminal, a line for each instance elsewhere; False: nothing.

    Returns:
        A row for every instance, the best one, a table, pictures.

    Raises:
        DataError: an instance asks for more GPUs than there are, or ``log_dir`` holds another tuning.
        InvalidSpecError: the template cannot be filled in for the first parameters; with the line.
        KeyboardInterrupt: it was interrupted; every instance has written a checkpoint.
        SystemExit: code 143, the same after SIGTERM.
    """
    chosen = strategy or GridStrategy(
        _dicts("net_paras_list", net_paras_list), _dicts("opt_paras_list", opt_paras_list),
        repeat_times, gpu_num_per_instance,
    )  # fmt: skip
    template, goal = Template.of(setup), objective_of(objective)
    if strategy is None:
        template.filled({"net_paras": net_paras_list[0], "opt_paras": opt_paras_list[0], "repeat": 0})
    here = Devices.of_this_machine(devices)
    here.check(chosen.sizes)
    limits = {} if max_steps is None else {"max_steps": Check().integer("max_steps", max_steps)}
    limited, directory = replace(template, kid={**template.kid, **limits}), RunDir(log_dir)
    with directory.alone():
        check_same(directory.path, limited.kid, fresh)
        tuning = Tuning(
            chosen, goal, here, directory.path, Table(goal.metric, progress),
            Rules(lambda trial: manifest_of(trial, limited, here), retry_failed=retry_failed),
        )  # fmt: skip
        tuning.run()
    return TuneResult(tuple(tuning.trials), goal)


def _dicts(name: str, given: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if isinstance(given, Mapping | str) or not given or not all(isinstance(item, Mapping) for item in given):
        raise Check(error=AkidError).wrong(name, "a list of dicts, one for each setting", given)
    return given


def check_same(log_dir: Path, kid: Mapping[str, Any], fresh: bool) -> None:
    """See that a directory holds no tuning of another template, and note this one.

    Raises:
        DataError: it does.
    """
    if fresh:
        for trial in log_dir.glob("trial-[0-9]*"):
            shutil.rmtree(trial)
        (log_dir / "tuning.json").unlink(missing_ok=True)
    told = {"setup": dict(kid)}
    before = read_json(log_dir / "tuning.json")
    if before is not None and before != told:
        raise DataError(
            "log_dir must be empty or hold an earlier call of the same tuning."
            f" Received: log_dir={str(log_dir)!r}, which has another setup or max_steps."
            " Use another log_dir, or fresh=True to begin anew."
        )
    write_json(log_dir / "tuning.json", told)
