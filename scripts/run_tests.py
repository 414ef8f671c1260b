"""`make test`: the linters and every test, in stages that keep all processors busy.

The test control plane and helm are built in the background (minutes, the first time) while what needs none is
tested. Tests that measure time or want the machine for themselves (`serial`) come last, one after another. A stage
that fails fails the whole; those after it still run. Arguments are pytest's, of every stage: `-q -k foo`,
`tests/kid`.

With `CI` in the environment, one to three tests that fail in a stage are run once more, alone: on a machine whose
load nobody chose, a test among hundreds may miss a deadline. The summary counts those that passed only then. More
failures than that, or a second one, fail the stage.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: As many processes, but not so many that TensorFlow, loaded in each, fills the memory.
PROCESSES = min(len(os.sched_getaffinity(0)), 8)
#: pytest's exit code if nothing was selected: a stage's own affair, unless no stage had anything.
NOTHING = 5
#: As many failures of a stage are tried again.
AGAIN = 3
#: The pytest processes and the marker of each stage; a process that needs a cluster starts one of its own.
STAGES = {
    "without a cluster": (["-n", str(PROCESSES)], "not cluster and not serial and not e2e"),
    "with a cluster": (
        ["-n", str(min(PROCESSES, 2)), "--dist", "worksteal"],
        "cluster and not serial and not e2e",
    ),
    "one by one": (["-n", "0"], "serial and not e2e"),
}


@dataclass(frozen=True)
class Result:
    """How a stage went.

    Args:
        name: of the stage.
        code: its exit code.
        seconds: how long it took.
        told: the counts of its tests, if it has any.
    """

    name: str
    code: int
    seconds: float
    told: str = ""

    def line(self) -> str:
        """A line of the summary."""
        word = {0: "ok", NOTHING: "nothing selected"}.get(self.code, f"FAILED with {self.code}")
        return f"  {self.name:<24}{self.seconds:>7.0f} s  {word}{self.told and f': {self.told}'}"


def verdict(results: list[Result]) -> int:
    """The exit code of the whole: 1 if anything failed, and `NOTHING` if no stage had a test to run."""
    if any(result.code not in (0, NOTHING) for result in results):
        return 1
    tests = [result for result in results if result.name in STAGES]
    return NOTHING if all(result.code == NOTHING for result in tests) else 0


def counted(report: Path) -> dict[str, int]:
    """The counts of a JUnit report, by pytest's words."""
    if not report.exists():
        return {}
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    failed, errors, skipped, tests = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("failures", "errors", "skipped", "tests")
    )
    return {"passed": tests - failed - errors - skipped, "failed": failed, "errors": errors, "skipped": skipped}


def told(counts: dict[str, int]) -> str:
    """The counts as a line."""
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number)


class Background:
    """A command that runs beside others; its output is kept until it is asked for."""

    def __init__(self, name: str, directory: Path, *command: str) -> None:
        self._name = name
        self._output = directory / f"{name}.log"
        self._begun = time.monotonic()
        environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS")}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                ["nice", *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._ended = self._begun
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        self._process.wait()
        self._ended = time.monotonic()

    def wait(self) -> Result:
        """Wait for its end, and show what it said if it failed."""
        if self.runs():
            say(f"waiting for {self._name}")
        self._watcher.join()
        code = self._process.returncode
        if code != 0:
            say(f"{self._name} failed")
            print(self._output.read_text(errors="replace"), flush=True)
        return Result(self._name, code, self._ended - self._begun)

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._watcher.is_alive()

    def stop(self) -> None:
        """End it and what it has started, if it still runs."""
        if self.runs():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._watcher.join()


def say(text: str) -> None:
    """A headline between the outputs of the stages."""
    print(f"== {text}", flush=True)


def tested(name: str, flags: list[str], directory: Path) -> Result:
    """Run the tests of a stage."""
    processes, marker = STAGES[name]
    report = directory / f"{name}.xml"
    # What the caller says comes after our processes, which it may overrule, and before what makes the stage.
    stage = [*flags, "-m", marker, f"--junitxml={report}", "-o", f"cache_dir={directory / name}"]
    say(f"tests {name}")
    begun = time.monotonic()
    code = pytest(*processes, *stage)
    counts = counted(report)
    failed = counts.get("failed", 0) + counts.get("errors", 0)
    if code == 1 and "CI" in os.environ and failed <= AGAIN:
        say(f"tests {name}: {failed} failed, and are run again, alone")
        code = pytest("-n", "0", *stage, "--last-failed", "--last-failed-no-failures=none") and 1
        counts["failed then passed" if code == 0 else "failed twice"] = failed
    result = Result(name, code, time.monotonic() - begun, told(counts))
    say(f"tests {name}: {result.seconds:.0f} s")
    return result


def pytest(*arguments: str) -> int:
    """Run pytest, and return its exit code."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode


def selects(flags: list[str], marker: str) -> bool:
    """Whether any test of the marker is among those that are asked for."""
    command = [sys.executable, "-m", "pytest", *flags, "--collect-only", "-n", "0", "-m", marker]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode != NOTHING


def every_stage(flags: list[str], directory: Path) -> list[Result]:
    """All results, in the order of the stages."""
    build = Background("the test control plane", directory, "make", "-s", "cluster-build")
    lint = Background("lint", directory, "make", "-s", "lint")
    try:
        results = [tested("without a cluster", flags, directory)]
        results.append(lint.wait())
        if build.runs() and not selects(flags, "cluster"):
            build.stop()
        else:
            results.append(build.wait())
            if results[-1].code:
                return results
            results.append(tested("with a cluster", flags, directory))
        results.append(tested("one by one", flags, directory))
    finally:
        build.stop()
        lint.stop()
    return results


def main(flags: list[str]) -> int:
    """Run all stages and print a summary."""
    begun = time.monotonic()
    # Told to end, it ends what runs beside it too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as directory:
        results = every_stage(flags, Path(directory))
    code = verdict(results)
    word = {0: "all passed", NOTHING: "no test was selected"}.get(code, "FAILED")
    say(f"{word}, in {time.monotonic() - begun:.0f} s")
    print("\n".join(result.line() for result in results), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
