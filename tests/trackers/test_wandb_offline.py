"""Weights & Biases' own client, offline: what a run leaves in its directory, without a network."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kid.small_kids import metrics, small_kid
from trackers.offline_file import items, records

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where W&B's server and every proxy would be: a socket at which nobody may knock."""
    import wandb

    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "http://127.0.0.1:{1}".format(*listening.getsockname())
        for name in ("WANDB_BASE_URL", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("WANDB_MODE", "offline")
        monkeypatch.setenv("WANDB_PROJECT", "digits")
        monkeypatch.setenv("WANDB_SILENT", "true")
        yield listening
        wandb.teardown()  # the next one is to read the environment anew


def written(run_dir: Path) -> list[list[Any]]:
    """The records of each practice in a run directory; the client's service writes on until it is told to end."""
    import wandb

    wandb.teardown()
    return [list(records(path)) for path in sorted(run_dir.glob("wandb/offline-run-*/run-*.wandb"))]


def history(practice: list[Any], name: str) -> list[tuple[int, float]]:
    """``(step, value)`` of a curve."""
    rows = [items(record.history.item) for record in practice if record.HasField("history")]
    return [(row["step"], row[name]) for row in rows if name in row]


def test_a_run_has_the_numbers_of_metrics_jsonl(nobody: socket.socket, tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.params = {"opt_paras": {"lr": 0.1}}
    kid.practice()
    [practice] = written(tmp_path)
    expected = [(line["step"], line["val_loss"]) for line in metrics(tmp_path) if line["kind"] == "val"]
    assert history(practice, "val/loss") == expected
    [run] = [record.run for record in practice if record.HasField("run")]
    assert (run.project, run.display_name) == ("digits", tmp_path.name)
    assert list(run.tags) == ["Brain", "single"]
    [exit_code] = [record.exit.exit_code for record in practice if record.HasField("exit")]
    assert exit_code == 0


def test_the_config_has_parameters_and_settings(nobody: socket.socket, tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    kid.params = {"opt_paras": {"lr": 0.1}}
    kid.practice()
    config: dict[str, Any] = {}
    for record in written(tmp_path)[0]:
        config |= items(record.config.update) if record.HasField("config") else {}
    assert config["params"] == {"opt_paras": {"lr": 0.1}}
    assert config["kongfu"]["type"] == "MomentumKongFu"


def test_a_run_that_goes_on_is_the_same_run_and_no_step_is_lost(nobody: socket.socket, tmp_path: Path) -> None:
    kid = small_kid(tmp_path, max_steps=5, save_chk_point=False)
    kid.practice()
    small_kid(tmp_path, max_steps=10).practice()  # begins at step 0: its steps are made a second time
    first, second = written(tmp_path)
    ids = [record.run.run_id for record in (*first, *second) if record.HasField("run")]
    assert ids == 2 * [json.loads((tmp_path / "trackers.json").read_text())["wandb"]["id"]]
    assert [step for step, _ in history(second, "val/loss")] == [5, 10]


def test_offline_nobody_knocks_at_the_network(nobody: socket.socket, tmp_path: Path) -> None:
    small_kid(tmp_path).practice()
    nobody.setblocking(False)
    with pytest.raises(BlockingIOError):
        nobody.accept()


def test_a_run_of_the_user_s_own_is_used_and_left_open(nobody: socket.socket, tmp_path: Path) -> None:
    import wandb

    with wandb.init(dir=str(tmp_path), id="mine") as own:
        small_kid(tmp_path).practice()
        assert wandb.run is own
        own.log({"after": 1.0})
    [practice] = written(tmp_path)
    assert [step for step, _ in history(practice, "val/loss")] == [5, 10]


def test_without_a_key_nobody_is_asked_for_one(
    nobody: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    small_kid(tmp_path / "run").practice()
    assert "there is no API key: run `wandb login`, or set WANDB_API_KEY or WANDB_MODE=offline" in caplog.text
