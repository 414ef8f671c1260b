"""TensorBoard: what the events files hold, read back."""

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_kids import metrics, small_brain, small_kid, values

from akid import ArraySource, Brain, Kid, MomentumKongFu, ProcessingLayer, Sensor
from akid.backend import tf
from akid.layers import (
    BatchNormalizationLayer,
    ConvolutionLayer,
    DropoutLayer,
    InnerProductLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)
from akid.runs.event_records import event_files, forget_events_after
from akid.runs.inspection import BUCKETS, histogram

LABELLED = ["ip1", {"name": "system_in", "idxs": [1]}]


class Watched(ProcessingLayer):
    """Notes something to look at."""

    def _forward(self, x: Any, trip: Any) -> Any:
        trip.summary("mean", tf.reduce_mean(x), "scalar")
        return x


def image_kid(log_dir: Path, **kwargs: Any) -> Kid:
    rng = np.random.default_rng(0)
    source = ArraySource(
        rng.integers(0, 255, [40, 6, 6, 1], np.uint8), rng.integers(0, 3, 40), num_val=10, scale=True
    )
    brain = Brain("pictures").attach(
        ConvolutionLayer(3, out_channel_num=2, name="conv1", wd={"type": "l2", "scale": 1e-3}),
        BatchNormalizationLayer(name="bn1"),
        ReLULayer(name="relu1"),
        Brain("inner").attach(DropoutLayer(0.5, name="drop1"), Watched("watched")),
        InnerProductLayer(3, name="ip1"),
        SoftmaxWithLossLayer(3, name="loss", inputs=LABELLED),
    )
    return Kid(
        Sensor(source, batch_size=8),
        brain,
        MomentumKongFu(0.1),
        max_steps=kwargs.pop("max_steps", 4),
        log_dir=log_dir,
        train_log_step=2,
        val_log_step=4,
        progress=False,
        **kwargs,
    )


def events(log_dir: Path) -> tuple[dict[str, dict[int, Any]], int]:
    """``{tag: {step: tensor}}`` and how many graphs there are."""
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    graphs = 0
    for path in sorted((log_dir / "events").iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            graphs += bool(event.graph_def)
            for value in event.summary.value:
                found[value.tag][event.step] = tf.make_ndarray(value.tensor)
    return found, graphs


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[int, Any]], int]:
    log_dir = tmp_path_factory.mktemp("drawn")
    image_kid(log_dir).practice()
    return log_dir, *events(log_dir)


def test_scalars_are_those_of_the_metrics(drawn: Any) -> None:
    log_dir, found, _ = drawn
    train = [line for line in metrics(log_dir) if line["kind"] == "train"]
    for tag, key in (("train/loss", "loss"), ("train/accuracy", "accuracy"), ("train/lr", "lr")):
        assert {s: float(v) for s, v in found[tag].items()} == {m["step"]: pytest.approx(m[key]) for m in train}
    val = metrics(log_dir)[-1]
    assert float(found["val/loss"][4]) == pytest.approx(val["val_loss"])
    assert float(found["losses/conv1/wd"][2]) == pytest.approx(train[0]["losses"]["conv1/wd"])
    assert "losses/loss" in found


def test_distributions_of_weights_gradients_and_activations(drawn: Any) -> None:
    _, found, _ = drawn
    for tag, count in (
        ("weights/conv1/weights", 18),
        ("gradients/conv1/weights", 18),
        ("activations/conv1", 8 * 6 * 6 * 2),
        ("activations/inner/drop1", 8 * 6 * 6 * 2),
        ("activations/ip1", 8 * 3),
    ):
        assert set(found[tag]) == {2, 4}, tag
        table = found[tag][4]
        assert table.shape == (BUCKETS, 3)
        assert table[:, 2].sum() == count
        assert (table[1:, 0] == table[:-1, 1]).all()
    assert not [tag for tag in found if tag in ("activations/inner", "activations/loss")]
    assert 0.5 < float(found["sparsity/inner/drop1"][4]) < 1.0
    assert float(found["sparsity/conv1"][4]) == 0.0
    assert "inner/watched/mean" in found, "what a block noted itself"


def test_gradient_norms_of_each_parameter_and_of_all(drawn: Any) -> None:
    _, found, _ = drawn
    norms = [float(series[4]) for tag, series in found.items() if tag.startswith("gradient_norms/")]
    assert len(norms) == len([tag for tag in found if tag.startswith("gradients/")]) > 3
    assert all(norm > 0 for norm in norms)
    assert float(found["gradient_norm"][4]) == pytest.approx(np.linalg.norm(norms))


def test_filters_and_feature_maps_of_convolutions_are_drawn(drawn: Any) -> None:
    _, found, _ = drawn
    images = {tag for tag in found if tag.startswith(("filters/", "feature_maps/"))}
    assert images == {"filters/conv1", "feature_maps/conv1"}
    # Two filters of 3 x 3 with a pixel between them, 36 times as large.
    width, height, picture = found["filters/conv1"][4]
    assert (int(width), int(height)) == (3 * 36, 7 * 36) or (int(width), int(height)) == (7 * 36, 3 * 36)
    assert tf.io.decode_png(picture).shape == (int(height), int(width), 1)


def test_images_and_the_graph_once(drawn: Any) -> None:
    log_dir, found, graphs = drawn
    width, height, *pictures = found["images/data"][4]
    assert (width, height, len(pictures)) == (b"6", b"6", 3)
    assert graphs == 1
    image_kid(log_dir, max_steps=6).practice()
    assert events(log_dir)[1] == 1


def test_what_came_after_a_step_and_what_was_cut_is_dropped(drawn: Any, tmp_path: Path) -> None:
    log_dir, found, graphs = drawn
    copy = Path(shutil.copytree(log_dir, tmp_path / "copy"))
    file = event_files(copy / "events")[0]
    file.write_bytes(file.read_bytes()[:-3])
    forget_events_after(copy / "events", 4, lambda: None)
    assert "val/loss" not in events(copy)[0]
    forget_events_after(copy / "events", 2, lambda: None)
    kept, graphs_kept = events(copy)
    assert set(kept) == {tag for tag, by in found.items() if 2 in by}
    assert all(set(by) == {2} for by in kept.values())
    assert kept["train/loss"][2] == found["train/loss"][2]
    assert graphs_kept == graphs


def test_looking_changes_nothing(drawn: Any, tmp_path: Path) -> None:
    log_dir, _, _ = drawn
    blind = image_kid(tmp_path, do_summary=False)
    blind.practice()
    assert not (tmp_path / "events").exists()
    assert [m for m in metrics(log_dir) if m["step"] <= 4] == metrics(tmp_path)


def test_histograms_of_anything() -> None:
    data = np.linspace(-1, 2, 1000).astype(np.float32)
    table = histogram(tf.constant(data)).numpy()
    np.testing.assert_allclose(table[:, 2], np.histogram(data, BUCKETS)[0], atol=1)
    np.testing.assert_allclose([table[0, 0], table[-1, 1]], [-1, 2])
    same = histogram(tf.fill([7], 1e6)).numpy()
    assert same[:, 2].tolist() == [0] * (BUCKETS - 1) + [7]
    assert (same[:, :2] == 1e6).all()
    broken = histogram(tf.constant([np.nan, np.inf, 1.0])).numpy()
    assert broken[:, 2].sum() == 3
    assert np.isfinite(broken).all()


def test_data_that_are_no_images_are_not_drawn(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, do_summary=True, brain=small_brain())
    kid.practice()
    found, _ = events(tmp_path)
    assert "images/data" not in found
    assert "activations/relu1" in found
    assert values(kid)
