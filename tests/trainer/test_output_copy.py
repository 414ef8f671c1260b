"""What a member of a job in a cluster says is on its log volume too, and never waits for that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from akid.report import FD
from akid.trainer import output_copy

REPOSITORY = Path(__file__).parents[2]
SAYS = "import sys; print('a word'); sys.exit('a cry')"


def train(log_dir: Path, program: str = SAYS, **environment: str) -> subprocess.CompletedProcess[str]:
    """A member as a pod starts it."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    inherited = {name: value for name, value in os.environ.items() if name != FD}
    argv = [sys.executable, "-m", "akid", "train", "--", sys.executable, "-c", program]
    own = {"PYTHONPATH": path, "AKID_LOG_DIR": str(log_dir), "AKID_TERMINATION_LOG": "", **environment}
    return subprocess.run(argv, env=inherited | own, capture_output=True, text=True, timeout=60)


def test_every_start_has_a_file_of_all_it_said(tmp_path: Path):
    for start in range(2):
        done = train(tmp_path / "run")
        assert (done.returncode, done.stdout) == (1, "a word\n")
        assert "a cry\n" in done.stderr
        lines = (tmp_path / f"run/logs/worker-0-{start}.log").read_text().splitlines()
        assert {"a word", "a cry"} <= set(lines)
        assert sorted(lines) == sorted((done.stdout + done.stderr).splitlines())


def test_a_volume_that_takes_nothing_costs_no_run(tmp_path: Path):
    (tmp_path / "file").touch()
    done = train(tmp_path / "file", "print('a word')")
    assert (done.returncode, done.stdout) == (0, "a word\n")
    assert "cannot be written: " in done.stderr


def test_a_file_that_is_dead_is_opened_again_by_its_name(tmp_path: Path):
    (tmp_path / "log").touch()
    file = (tmp_path / "log").open("rb", buffering=0)  # every write fails
    again = output_copy._opened_again(file, b"a word\n")
    again.write(b"another\n")
    again.close()
    assert file.closed
    assert (tmp_path / "log").read_bytes() == b"a word\nanother\n"


def test_the_local_runner_keeps_the_output_itself(tmp_path: Path):
    with open(os.devnull, "wb") as reports:
        path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
        env = os.environ | {FD: str(reports.fileno()), "AKID_LOG_DIR": str(tmp_path), "PYTHONPATH": path}
        argv = [sys.executable, "-m", "akid", "train", "--", "true"]
        subprocess.run(argv, env=env, pass_fds=(reports.fileno(),), check=True, timeout=60, capture_output=True)
    assert not (tmp_path / "logs").exists()


def copying(tmp_path: Path, setup: str) -> bytes:
    """What comes out of a process that says 300 lines of 100 bytes, copied under these conditions."""
    start = (
        f"import os; from pathlib import Path; from akid.trainer import output_copy as o; {setup}\n"
        "copy = o.OutputCopy(Path(os.environ['AKID_LOG_DIR']), 'worker-0')\n"
        "for i in range(300): os.write(1, b'x' * 99 + b'\\n')\n"
        "copy.close()"
    )
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    env = os.environ | {"AKID_LOG_DIR": str(tmp_path), "PYTHONPATH": path}
    argv = [sys.executable, "-c", start]
    return subprocess.run(argv, env=env, capture_output=True, timeout=60, check=True).stdout


def test_a_copy_has_an_end_and_says_so(tmp_path: Path):
    assert copying(tmp_path, "o.MAX_FILE = 1000") == (b"x" * 99 + b"\n") * 300
    copied = (tmp_path / "logs/worker-0-0.log").read_bytes()
    assert len(copied) <= 1000 + len(output_copy.FULL)
    assert copied.endswith(output_copy.FULL)


def test_a_volume_that_hangs_holds_up_nothing(tmp_path: Path):
    os.mkfifo(tmp_path / "hangs")
    setup = "o.MAX_WAITING, o.LAST_SECONDS = 1000, 0.2; o.next_log = lambda d, m: d / 'hangs'"
    assert copying(tmp_path, setup) == (b"x" * 99 + b"\n") * 300
