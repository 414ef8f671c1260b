"""MLflow's own client and a database of its own: what a run leaves there."""

from __future__ import annotations

import logging
import math
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kid.small_kids import metrics, small_kid

from akid.trackers.mlflow import MOST_PARAMS, name_of, without_password

#: The client's own use of SQLAlchemy, and of SQLite.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a new store, which the environment names."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    from mlflow import MlflowClient

    return MlflowClient()


def runs(client: Any) -> list[Any]:
    """The runs of the experiment."""
    return client.search_runs([client.get_experiment_by_name("digits").experiment_id])


def test_a_run_has_the_numbers_of_metrics_jsonl(client: Any, tmp_path: Path) -> None:
    kid = small_kid(tmp_path / "run")
    kid.params = {"opt_paras": {"lr": 0.1}}
    kid.practice()
    [run] = runs(client)
    history = client.get_metric_history(run.info.run_id, "val/loss")
    expected = [(line["step"], line["val_loss"]) for line in metrics(tmp_path / "run") if line["kind"] == "val"]
    assert [(metric.step, metric.value) for metric in history] == expected
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "run"
    told = {name: run.data.params[name] for name in ("kongfu.type", "sensor.batch_size", "params.opt_paras.lr")}
    assert told == {"kongfu.type": "MomentumKongFu", "sensor.batch_size": "8", "params.opt_paras.lr": "0.1"}
    assert run.data.params["brain.parameters"] == str(4 * 8 + 8 + 8 * 3 + 3)
    assert run.data.tags["akid.engine"] == "single"


def test_a_run_that_goes_on_is_the_same_run(client: Any, tmp_path: Path) -> None:
    small_kid(tmp_path / "run", max_steps=5).practice()
    small_kid(tmp_path / "run", max_steps=10).practice()
    [run] = runs(client)
    history = client.get_metric_history(run.info.run_id, "val/loss")
    assert [metric.step for metric in history] == [5, 10]
    assert run.info.status == "FINISHED"


def test_a_run_that_was_deleted_in_the_store_is_made_anew(client: Any, tmp_path: Path) -> None:
    small_kid(tmp_path / "run", max_steps=5).practice()
    [before] = runs(client)
    client.delete_run(before.info.run_id)
    small_kid(tmp_path / "run", max_steps=10).practice()
    [after] = runs(client)
    assert after.info.run_id != before.info.run_id


def test_a_run_of_another_store_is_not_looked_for(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_kid(tmp_path / "run", max_steps=5).practice()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    small_kid(tmp_path / "run", max_steps=10).practice()
    with sqlite3.connect(tmp_path / "other.db") as other:
        assert other.execute("select count(*) from runs").fetchone() == (1,)
    other.close()


def test_a_run_that_the_environment_names_is_used(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = client.create_run(client.create_experiment("digits"))
    monkeypatch.setenv("MLFLOW_RUN_ID", own.info.run_id)
    small_kid(tmp_path / "run").practice()
    [run] = runs(client)
    assert run.info.run_id == own.info.run_id
    assert run.data.metrics["val/loss"] > 0


def test_numbers_that_are_not_finite_stay_out(client: Any, tmp_path: Path) -> None:
    kid = small_kid(tmp_path / "run", max_steps=5)
    kid.hooks.on_train_begin.append(lambda kid: vars(kid._state).update(val_loss=math.nan))
    kid.practice()
    [run] = runs(client)
    assert all(math.isfinite(value) for value in run.data.metrics.values())


def test_more_parameters_than_a_batch_takes_are_told(client: Any, tmp_path: Path) -> None:
    kid = small_kid(tmp_path / "run", max_steps=5)
    kid.params = {"many": list(range(MOST_PARAMS + 1)), "long": "x" * 10_000}
    kid.practice()
    [run] = runs(client)
    assert run.data.params[f"params.many_{MOST_PARAMS}_"] == str(MOST_PARAMS)


def test_a_server_that_is_not_there_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        with caplog.at_level(logging.WARNING):
            kid = small_kid(tmp_path / "run")
            kid.practice()
    told = [r.getMessage() for r in caplog.records if r.name == "akid.trackers.delivery"]
    assert len(told) == 1
    assert told[0].startswith("MLflow: ")
    assert kid.step == 10


def test_names_and_addresses_are_made_fit() -> None:
    assert name_of("losses/Brüder[0]:wd") == "losses/Brüder_0__wd"
    assert without_password("https://me:secret@host:5000/path") == "https://host:5000/path"
    assert without_password("sqlite:////a/mlflow.db") == "sqlite:////a/mlflow.db"
