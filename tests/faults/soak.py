"""``make soak``: every fault of every member, then random ones for SOAK_MINUTES, with SOAK_SEED to repeat them."""

from __future__ import annotations

import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from faults.trials import LOG, STEPS, WORKERS, Trial, kill, processes_of

#: A supervisor, a zygote and a training process a member, and what is between a fork and its program.
MOST_PROCESSES = WORKERS * 4
ACTIONS, MEMBERS, MOMENTS = ("kill", "stop", "term", "exit=42"), ("worker-0", "worker-1"), (0, 130)
#: What may never become less while a job runs.
GROWING = ("generation", "inPlaceRestarts", "stepsRedone")


class Monitor(threading.Thread):
    """Looks at a run while it goes on, and notes what must not be.

    Args:
        trial: whose run.
    """

    def __init__(self, trial: Trial) -> None:
        super().__init__(daemon=True)
        self._trial, self._over = trial, threading.Event()
        self._counts = dict.fromkeys(GROWING, 0)
        self.problems: list[str] = []

    def run(self) -> None:
        """Look."""
        while not self._over.wait(0.2):
            steps = self._trial.logged()
            if steps != list(range(LOG, LOG * len(steps) + 1, LOG)):
                self.problems.append(f"steps are logged twice, or left out: {steps}")
            found = processes_of(self._trial.run_dir)
            if len(found) > MOST_PROCESSES:
                self.problems.append(f"{len(found)} processes")
            for environment in found.values():
                if environment.get("AKID_IS_CHIEF") == "1":
                    self._look_at(_status(environment.get("AKID_METRICS_PORT", "")))
                    break

    def _look_at(self, status: dict[str, int]) -> None:
        for name in GROWING:
            if status.get(name, self._counts[name]) < self._counts[name] and status.get("step", 0):
                self.problems.append(f"{name} became less: {self._counts[name]}, then {status[name]}")
            self._counts[name] = max(self._counts[name], status.get(name, 0))

    def stop(self) -> None:
        """No more."""
        self._over.set()
        self.join()


def _status(port: str) -> dict[str, int]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=1) as response:
            return json.load(response)
    except (OSError, ValueError):
        return {}


def attempt(faults: list[str], kill_supervisors: list[tuple[str, int]], undisturbed: dict[str, np.ndarray]) -> str:
    """One job; what is wrong with it, empty if nothing is.

    Args:
        faults: see `akid run --chaos`.
        kill_supervisors: of which member, at which step.
        undisturbed: what the job learns when nothing happens.
    """
    with tempfile.TemporaryDirectory() as directory:
        trial = Trial(Path(directory))
        monitor = Monitor(trial)
        monitor.start()
        try:
            ended = trial.run(faults, _killer(trial, kill_supervisors))
            monitor.stop()
            trial.check(ended, undisturbed)
            most = sum(fault.startswith("exit") for fault in faults) + len(kill_supervisors)
            if ended.count("restarts") > most:
                monitor.problems.append(f"{ended.count('restarts')} restarts are counted, at most {most} were due")
            if ended.count("restarts in place") > len(faults) + len(kill_supervisors):
                monitor.problems.append(f"more restarts in place than faults: {ended.summary}")
        except Exception as error:
            monitor.problems.append(f"{type(error).__name__}: {error}")
        return "; ".join(monitor.problems[:3])


def _killer(trial: Trial, victims: list[tuple[str, int]]) -> Callable[[int], None]:
    def beside(pid: int) -> None:
        for member, step in sorted(victims, key=lambda victim: victim[1]):
            trial.reached(step)
            kill(trial.pid_of(member, "supervisor"))

    return beside


def each() -> Iterator[tuple[list[str], list[tuple[str, int]]]]:
    """Every fault of the chief and of another member, before the first step and later; supervisors too."""
    for action, member, step in itertools.product(ACTIONS, MEMBERS, MOMENTS):
        if not (action.startswith("exit") and step == 0):  # a program cannot end itself before it runs
            yield [f"{action}:{member}@step={step}"], []
    for member in MEMBERS:
        yield [], [(member, 130)]


def at_random(chance: random.Random) -> tuple[list[str], list[tuple[str, int]]]:
    """One to six faults of anybody at any step."""
    members = [f"worker-{index}" for index in range(WORKERS)]
    count = chance.randint(1, 6)
    faults = [
        f"{chance.choice(ACTIONS)}:{chance.choice(members)}@step={chance.randrange(1, STEPS * 3 // 4)}"
        for _ in range(count)
    ]
    victims = [(chance.choice(members), chance.randrange(LOG, STEPS // 2))] if chance.random() < 0.3 else []
    return faults, victims


def main() -> int:
    """Soak; the exit code says whether nothing was wrong."""
    minutes, seed = (
        float(os.environ.get("SOAK_MINUTES", "30")),
        int(os.environ.get("SOAK_SEED", time.time_ns() % 10_000)),
    )
    chance, end, bad = random.Random(seed), time.monotonic() + 60 * minutes, 0
    print(f"seed {seed}, {minutes:g} minutes (SOAK_SEED, SOAK_MINUTES)", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        trial = Trial(Path(directory))
        trial.run()
        undisturbed = trial.parameters()
    fixed = list(each()) if os.environ.get("SOAK_EACH", "1") == "1" else []
    for number in itertools.count(1):
        faults, victims = fixed.pop(0) if fixed else at_random(chance)
        if time.monotonic() > end:
            break
        begun = time.monotonic()
        problem = attempt(faults, victims, undisturbed)
        bad += bool(problem)
        told = " ".join([*faults, *(f"supervisor:{member}@step={step}" for member, step in victims)])
        print(f"{number:4} {time.monotonic() - begun:6.1f} s  {problem or 'ok':<8} {told}", flush=True)
    print(f"{bad} of {number - 1} went wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
