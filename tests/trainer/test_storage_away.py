"""A file system that is away for a while, as when its client is started anew: nothing fails for that."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from json_lines import json_lines

from akid import storage
from akid.storage import AWAY, Mounts, is_away, patiently

AWAY_NOW = OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
#: Fails as long as there is no file `failed`, with an error of the operating system.
SCRIPT = """
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: scripted}
spec:
  engine: {name: single}
  kid:
    script: |
      import os
      from pathlib import Path

      from akid import DigitsSource, Kid, MomentumKongFu, Sensor
      from akid.models.brains import MLP


      def setup():
          failed = Path(os.environ["AKID_LOG_DIR"]).parent / "failed"
          if not failed.exists():
              failed.touch()
              raise RuntimeError("the table cannot be read") from OSError(NUMBER, os.strerror(NUMBER))
          return Kid(Sensor(DigitsSource(num_val=300)), MLP(), MomentumKongFu(), max_steps=5)
"""


def ends(directory: Path, number: int) -> tuple[int, list[int]]:
    """How a member ends whose script once meets an error with this number, and how its training processes do."""
    (directory / "job.yaml").write_text(SCRIPT.replace("NUMBER", str(number)))
    own = {"AKID_KID": "job.yaml", "AKID_LOG_DIR": "run", "AKID_TERMINATION_LOG": "last", "AKID_MEMBERS": "1"}
    own = {name: value if name == "AKID_MEMBERS" else str(directory / value) for name, value in own.items()}
    argv = [sys.executable, "-m", "akid", "train"]
    done = subprocess.run(argv, env=os.environ | own, timeout=120, check=False, capture_output=True, text=True)
    return done.returncode, [line["code"] for line in json_lines(done.stdout + done.stderr) if "code" in line]


def test_a_training_process_that_met_it_is_started_again(tmp_path):
    assert ends(tmp_path, errno.ENOTCONN) == (0, [42, 0])
    assert json.loads((tmp_path / "run/result.json").read_text())["step"] == 5


def test_any_other_error_of_a_script_is_its_own(tmp_path):
    assert ends(tmp_path, errno.ENOENT) == (1, [1])


@pytest.mark.parametrize("number", AWAY)
def test_it_is_known_by_the_number_by_the_text_and_by_what_an_error_came_from(number):
    assert is_away(OSError(number, ""))
    assert is_away(ValueError(f"run/x; {os.strerror(number)}"))
    error = ValueError("cannot be read")
    error.__cause__ = OSError(number, "")
    assert is_away(error)
    assert not is_away(OSError(errno.EIO, os.strerror(errno.EIO)))


def test_what_is_read_meanwhile_waits_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(storage, "RETRY", 0.0)
    answers = [AWAY_NOW, AWAY_NOW, None]

    def read() -> str:
        if error := answers.pop(0):
            raise error
        return "read"

    assert patiently(read) == "read"
    answers = [AWAY_NOW] * 2
    with pytest.raises(OSError, match="not connected"):
        patiently(read, seconds=-1.0)
    assert len(answers) == 1
    answers = [OSError(errno.EIO, "Input/output error")]
    with pytest.raises(OSError, match="Input/output"):
        patiently(read)


@pytest.fixture
def stat(monkeypatch) -> dict[str, int | OSError]:
    """What the system says of paths: numbers of file systems, or errors."""
    said: dict[str, int | OSError] = {}

    def ask(path: str) -> os.stat_result:
        answer = said.get(path, FileNotFoundError(errno.ENOENT, "", path))
        if isinstance(answer, OSError):
            raise answer
        return os.stat_result((0, 0, answer, *[0] * 7))

    monkeypatch.setattr(storage.os, "stat", ask)
    monkeypatch.setattr(storage, "RETRY", 0.0)
    return said


def test_mounts_that_are_replaced_or_away_have_changed(stat):
    stat |= {"/data": 5, "/log": 6}
    mounts = Mounts(["/data", "/log", "/none"])
    assert not mounts.changed
    stat["/log"] = AWAY_NOW
    assert mounts.changed
    assert not mounts.wait(-1.0)
    stat["/log"] = 7
    assert mounts.changed
    assert mounts.wait()


def test_a_mount_that_was_away_from_the_start_has_changed_once_it_is_there(stat):
    stat["/log"] = AWAY_NOW
    mounts = Mounts(["/log"])
    stat["/log"] = 7
    assert mounts.changed


def test_a_directory_that_is_made_or_removed_has_not_changed(stat):
    stat["/log"] = 6
    mounts = Mounts(["/log", "/new"])
    stat["/new"] = 6
    del stat["/log"]
    assert not mounts.changed
