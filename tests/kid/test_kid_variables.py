"""What a brain can learn is trained, saved and exported: all of it, and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from small_kids import blobs, small_kid

from akid import Brain, Kid, KongFu, Sensor
from akid.backend import tf
from akid.blocks import ProcessingLayer
from akid.blocks.trip import Trip
from akid.engines.single import SingleEngine
from akid.inference.export import restore_for_inference
from akid.kongfus import AdamKongFu, SGDKongFu
from akid.kongfus.moving_average import MovingAverage
from akid.layers import (
    EmbeddingLayer,
    InnerProductLayer,
    KerasLayer,
    MergeLayer,
    MSELossLayer,
    RecurrentLayer,
    SelfAttentionLayer,
    SoftmaxWithLossLayer,
)
from akid.runs.checkpoint_files import committed
from akid.runs.run_dir import RunDir

WD = {"type": "l2", "scale": 0.5}


class Nest(ProcessingLayer):
    """Holds blocks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = InnerProductLayer(4)
        self.layers = [Brain().attach(InnerProductLayer(5)), {"last": InnerProductLayer(6)}]

    def _forward(self, x: Any, trip: Trip) -> Any:
        return self.layers[1]["last"](self.layers[0](self.inner(x, trip), trip), trip)


def test_a_kid_trains_saves_and_exports_them(tmp_path: Path) -> None:
    def kid(steps: int) -> Kid:
        return small_kid(tmp_path, max_steps=steps, brain=labelled(Nest(name="nest")), moving_average_decay=0.9)

    first = kid(5)
    first.practice()
    started = labelled(Nest(name="nest"))
    started.build(first.sensor.signature())
    moved = [n for n, v in first.brain.parameters.items() if not np.array_equal(v, started[n])]
    assert moved == list(started.parameters)
    second = kid(5)
    second.setup()
    for name, variable in first.brain.named_variables().items():
        np.testing.assert_array_equal(second.brain[name], variable)
    loaded = tf.saved_model.load(str(second.export()))
    data = np.ones([2, 4], np.float32)
    given = loaded.signatures["serving_default"](data=tf.constant(data))
    np.testing.assert_allclose(given["ip"], second.predict(data)["ip"], rtol=1e-5)


def labelled(block: ProcessingLayer) -> Brain:
    head = InnerProductLayer(3, name="ip")
    loss = SoftmaxWithLossLayer(3, name="loss", inputs=["ip", {"name": "system_in", "idxs": [1]}])
    return Brain().attach(block, head, loss)


def siamese(wd: dict[str, Any] | None = None) -> Brain:
    """``x a a + x a``, one matrix in two places; what it learns is to give x."""
    a = InnerProductLayer(4, "truncated_normal", None, wd, name="a")
    a(np.ones([1, 4], np.float32))
    twin = a.copy()
    twin.rename("a_copy")
    total = MergeLayer(inputs=["a", "a_copy"], name="ip")
    target = MSELossLayer(name="loss", inputs=["ip", {"name": "system_in", "idxs": [0]}])
    return Brain().attach(a, twin, total, target)


def ready_sensor() -> Sensor:
    sensor = Sensor(blobs(), batch_size=8)
    sensor.setup(0)
    return sensor


def engine_of(brain: Brain, kongfu: KongFu, average: MovingAverage | None = None) -> SingleEngine:
    sensor, engine = ready_sensor(), SingleEngine()
    engine.setup(brain, kongfu, sensor, moving_average=average)
    return engine


def test_shared_weights_make_one_step_along_the_sum_of_their_gradients() -> None:
    brain, lr = siamese(WD), 0.1
    engine = engine_of(brain, SGDKongFu(lr))
    before, x = brain["a/weights"].numpy(), ready_sensor().batch(0, "train")[0].numpy()
    engine.train(1)
    hidden = x @ before
    slope = 2 * (hidden @ before + hidden - x) / x.size
    gradient = hidden.T @ slope + x.T @ (slope @ before.T + slope) + 0.5 * before
    np.testing.assert_allclose(brain["a_copy/weights"], before - lr * gradient, rtol=1e-5, atol=1e-7)


def test_shared_weights_are_one_parameter_under_every_name() -> None:
    brain, kongfu, average = siamese(), AdamKongFu(), MovingAverage()
    engine_of(brain, kongfu, average)
    assert list(brain.named_variables()) == ["a/weights", "a_copy/weights"]
    assert brain["a_copy/weights"] is brain["a/weights"]
    assert list(brain.parameters) == ["a/weights"]
    assert brain.num_parameters == 16
    assert list(kongfu.slots) == ["a/weights/m", "a/weights/v"]
    assert list(average.slots) == ["a/weights/average"]


def test_a_brain_and_its_copy_beside_it_share_all_their_parameters() -> None:
    inner = Brain("inner").attach(InnerProductLayer(4, max_norm=0.1, name="a"), Nest(name="nest"))
    inner(np.ones([1, 4], np.float32))
    twin = inner.copy()
    twin.rename("twin")
    brain = Brain().attach(inner, InnerProductLayer(4), twin)
    brain(np.ones([1, 4], np.float32))
    names = list(inner.named_variables())
    assert [n for n in brain.parameters if not n.startswith("ip1/")] == [f"inner/{n}" for n in names]
    assert all(brain[f"twin/{n}"] is brain[f"inner/{n}"] for n in names)
    assert brain.num_parameters == inner.num_parameters + 4 * 6 + 4


def test_shared_weights_decay_once() -> None:
    for layer in (
        InnerProductLayer(4, wd=WD, wd_on_bias=True),
        EmbeddingLayer(9, 4, wd=WD),
        SelfAttentionLayer(wd=WD),
        RecurrentLayer(4, wd=WD),
        KerasLayer({"type": "Dense", "units": 4, "kernel_regularizer": "l2"}),
    ):
        signal = np.ones(
            [2, 3, 4] if isinstance(layer, (SelfAttentionLayer, RecurrentLayer)) else [2, 4], np.float32
        )
        alone, both = Trip(), Trip()
        layer(signal, alone)
        twin = layer.copy()
        for block in (layer, twin):
            block.rename("twin" if block is twin else "it")
            block(signal, both)
        assert float(both.total_loss) == float(alone.total_loss) > 0


def test_shared_weights_are_clipped_by_their_norm_once() -> None:
    brain = siamese()
    engine = engine_of(brain, SGDKongFu(1.0, clip_global_norm=1e-3))
    before = brain["a/weights"].numpy()
    engine.train(1)
    np.testing.assert_allclose(np.linalg.norm(brain["a/weights"] - before), 1e-3, rtol=1e-3)


def test_a_checkpoint_holds_shared_weights_once(tmp_path: Path) -> None:
    first = small_kid(tmp_path, brain=siamese())
    first.practice()
    saved = tf.train.load_checkpoint(str(committed(tmp_path / "checkpoints")[-1] / "variables"))
    names = [name for name in saved.get_variable_to_shape_map() if name.startswith("brain/")]
    assert names == ["brain/a/weights"]
    second = small_kid(tmp_path, brain=siamese())
    second.setup()
    np.testing.assert_array_equal(second.brain["a_copy/weights"], first.brain["a/weights"])
    third = siamese()
    restore_for_inference(RunDir(tmp_path), third)
    np.testing.assert_array_equal(third["a_copy/weights"], first.brain["a/weights"])
