"""What akid does to the process that imports and runs it: standard error, the collector, paths, TensorFlow."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from akid import Kid, Sensor
from akid.backend import kept, tf
from akid.errors import InvalidSpecError
from akid.manifests.scripts import kid_of_module
from akid.models.brains import MLP
from akid.sources import DigitsSource


def said_by(code: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_only_greetings_are_left_out() -> None:
    text = b"All log messages before absl::InitializeLog()\nno such device\nI0 oneDNN custom operations are on"
    assert kept(text) == b"no such device\n"


def test_importing_tensorflow_says_nothing_and_other_text_gets_through() -> None:
    code = "import os, akid.backend; os.write(2, b'mine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"mine"


def test_what_is_written_during_the_import_comes_after_it() -> None:
    code = "import os\nfrom akid.backend import without_greetings\nwith without_greetings(): os.write(2, b'mine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"mine"


def test_a_process_without_standard_error_can_import_it() -> None:
    code = "import akid.layers; print('there')"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code], capture_output=True, check=True, timeout=120
    )
    assert done.stdout == b"there\n"


def test_a_process_that_replaced_and_closed_its_standard_error_can_import_it() -> None:
    code = "import io, os, sys; sys.stderr = io.StringIO(); os.close(2); import akid.backend; print('there')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=120)
    assert done.stdout == b"there\n"


def test_the_import_leaves_the_collector_and_the_environment_as_they_were() -> None:
    state = "gc.isenabled(), gc.get_freeze_count(), os.environ.get('TF_USE_LEGACY_KERAS'), sys.path"
    code = f"import gc, os, sys\nbefore = {state}\nimport akid.backend\nprint(({state}) == before)"
    assert said_by(code) == "True"
    assert said_by(f"import gc; gc.disable()\n{code}") == "True"


def test_what_a_process_froze_stays_frozen() -> None:
    code = "import gc; gc.freeze(); frozen = gc.get_freeze_count()\nimport akid.backend"
    assert said_by(f"{code}\nprint(0 < gc.get_freeze_count() <= frozen)") == "True"


def test_a_log_level_of_the_user_s_own_stays() -> None:
    code = "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '1'\nimport akid.backend"
    assert said_by(f"{code}\nprint(os.environ['TF_CPP_MIN_LOG_LEVEL'])") == "1"


def test_a_module_that_is_not_there_leaves_the_python_path_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    with pytest.raises(InvalidSpecError, match="no module 'nowhere_at_all'"):
        kid_of_module("nowhere_at_all:setup", {})
    assert sys.path == before


@pytest.mark.parametrize("asked", [True, False])
def test_operations_are_deterministic_only_if_asked(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: calls.append(True))
    kid = Kid(Sensor(DigitsSource()), MLP(), max_steps=1, log_dir=tmp_path, deterministic=asked)
    assert not calls
    kid.setup()
    assert bool(calls) == asked
