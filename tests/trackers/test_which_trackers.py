"""Which trackers an environment asks for, and that nobody else pays for them."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from kid.small_kids import small_kid

from akid.trackers.trackers import asked_for

CODE = """
import sys
from kid.small_kids import small_kid
small_kid(sys.argv[1]).practice()
print(sorted({"mlflow", "wandb"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"MLFLOW_TRACKING_URI": "sqlite:///x.db"}, ["mlflow"]),
        ({"MLFLOW_EXPERIMENT_NAME": "digits"}, ["mlflow"]),
        ({"MLFLOW_TRACKING_URI": ""}, []),
        ({"MLFLOW_TRACKING_USERNAME": "me"}, []),
        ({"WANDB_MODE": "offline"}, ["wandb"]),
        ({"WANDB_PROJECT": "digits", "MLFLOW_RUN_ID": "1"}, ["mlflow", "wandb"]),
        ({"WANDB_API_KEY": "secret"}, ["wandb"]),
        ({"WANDB_DIR": "/somewhere"}, []),
        ({"WANDB_PROJECT": "digits", "WANDB_MODE": "disabled"}, []),
        ({"WANDB_PROJECT": "digits", "WANDB_DISABLED": "true"}, []),
    ],
)
def test_variables_of_the_trackers_ask_for_them(environment: dict[str, str], expected: list[str]) -> None:
    assert list(asked_for(environment)) == expected


def test_unasked_no_client_is_imported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_a_client_that_is_not_installed_is_told_and_the_kid_practises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with caplog.at_level(logging.WARNING):
        small_kid(tmp_path / "run").practice()
    told = "WANDB_PROJECT asks for Weights & Biases, whose client is not installed: pip install wandb."
    assert [record.getMessage() for record in caplog.records] == [f"{told} The run is not tracked."]


def test_a_directory_of_the_client_s_name_is_no_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "wandb").mkdir()
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(Path(__file__).parents[2])])
    with caplog.at_level(logging.WARNING):
        small_kid(tmp_path / "run").practice()
    assert "not installed" in caplog.text
