"""Which versions are served, and how new ones take over while requests are answered."""

from __future__ import annotations

import shutil
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from serving.servers import blobs_kid, serving, wait_until

from akid import DataError
from akid.cli import main
from akid.inference.predictor import Predictor
from akid.manifests.runs import kid_of_run
from akid.serving.service import Service
from akid.serving.sources import Source, name_of, sources_in, to_keep, to_load
from akid.serving.store import Store

MANIFEST = """
apiVersion: akid.dev/v1alpha1
kind: AkidJob
metadata: {name: blobs}
spec:
  kid:
    sensor: {source: {type: DigitsSource, num_val: 100}, batch_size: 16}
    brain: {type: MLP, hidden: [8]}
    kongfu: {type: MomentumKongFu, lr_scheme: 0.05}
    max_steps: 2
    val_log_step: 2
    do_summary: false
"""


def source(version: int, state: int = 0) -> Source:
    return Source(version, Path(str(version)), (state,))


@pytest.mark.parametrize(
    ("wanted", "loaded", "failed", "load", "keep"),
    [
        ([1, 2], [1], [], [2], [1]),
        ([2, 3], [1, 2], [3], [], [2]),
        ([3], [1], [3], [], [1]),
        ([1], [1], [], [], [1]),
    ],
    ids=str,
)
def test_new_versions_are_loaded_and_old_ones_kept_while_nothing_else_can_be(wanted, loaded, failed, load, keep):
    there = {version: source(version) for version in loaded}
    found = to_load([source(v) for v in wanted], there, {source(v) for v in failed})
    assert [s.version for s in found] == load
    assert to_keep([source(v) for v in wanted], there) == keep


def test_a_version_that_has_changed_is_loaded_again():
    assert to_load([source(1, state=1)], {1: source(1)}, ()) == [source(1, state=1)]


@pytest.mark.parametrize(
    ("path", "name"), [("runs/digits", "digits"), ("runs/digits/export", "digits"), ("my model", "my-model")]
)
def test_a_model_is_called_by_its_directory(path, name):
    assert name_of(Path(path)) == name


def test_what_is_no_model_is_told_with_what_could_be(tmp_path):
    with pytest.raises(DataError, match=r"There is no model in .*Expected a SavedModel"):
        sources_in(tmp_path, 1)
    with pytest.raises(DataError, match=r"cannot be read: No such file"):
        sources_in(tmp_path / "nothing", 1)
    (tmp_path / "kid.yaml").touch()
    with pytest.raises(DataError, match="no checkpoint yet"):
        sources_in(tmp_path, 1)


def test_the_command_tells_a_missing_model_and_a_wrong_number(tmp_path, capsys):
    assert main(["serve", str(tmp_path), "--port", "0"]) == 2
    assert "There is no model in" in capsys.readouterr().err
    assert main(["serve", str(tmp_path), "--versions", "0"]) == 2
    assert "--versions: expected 1 or more, received 0." in capsys.readouterr().err


def test_a_new_version_takes_over_and_no_request_fails(tmp_path):
    first, second = (blobs_kid(tmp_path / str(seed), seed=seed) for seed in (0, 1))
    models = tmp_path / "models"
    shutil.copytree(first.export(), models / "1")
    store = Store(models, "blobs", keep=1)
    store.refresh()
    data = np.ones([1, 4], np.float32)
    request = {"instances": data.tolist(), "output_filter": ["ip2"]}
    statuses: list[int] = []
    done = threading.Event()
    with serving(Service(store)) as client:

        def ask() -> None:
            while not done.is_set():
                statuses.append(client.post("/v1/models/blobs:predict", json=request).status_code)

        askers = [threading.Thread(target=ask) for _ in range(2)]
        for asker in askers:
            asker.start()
        try:
            (models / "2").mkdir()  # half a copy is no version
            (models / "2" / "saved_model.pb").write_bytes(b"half")
            wait_until(lambda: store.loads["failed"])
            assert store.versions == [1]
            shutil.rmtree(models / "2")
            shutil.copytree(second.export(), models / "2")
            wait_until(lambda: store.versions == [2])
            found = client.post("/v1/models/blobs:predict", json=request).json()["predictions"]
        finally:
            done.set()
            for asker in askers:
                asker.join(60)
    np.testing.assert_allclose(found, second.predict(data)["ip2"], rtol=1e-5)
    assert len(statuses) > 2
    assert set(statuses) == {200}


def test_a_run_is_served_with_its_best_checkpoint_and_followed(tmp_path):
    (tmp_path / "job.yaml").write_text(MANIFEST)
    run = ["run", str(tmp_path / "job.yaml"), "--log-dir", str(tmp_path / "run")]
    assert main(run) == 0
    store = Store(tmp_path / "run", "blobs")
    store.refresh()
    assert store.versions == [2]
    assert main([*run, "--set", "spec.kid.max_steps=20"]) == 0
    store.refresh()
    best = sources_in(tmp_path / "run", 1)[0]
    assert (store.versions, best.best) == ([best.version], True)
    assert best.version > 2
    kid, signature = kid_of_run(tmp_path / "run", best=True)
    images = np.random.default_rng(0).uniform(size=[3, *signature.batch[0].shape[1:]]).astype(np.float32)
    expected = Predictor(kid.brain, signature.batch)(images)
    found = store.model("blobs")[1].signature("")({"data": images})
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)
    shutil.rmtree(tmp_path / "run" / "best")
    assert [(s.version, s.best) for s in sources_in(tmp_path / "run", 1)] == [(20, False)]


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_its_packages_the_command_says_what_to_install(tmp_path, monkeypatch, capsys, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["serve", str(tmp_path)]) == 1
    assert "pip install 'akid[serve]'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 1
    assert "Give another --port." in capsys.readouterr().err
