"""What may still be changed when a Kid is set up, and what a restore puts back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_kids import blobs, metrics, small_kid

from akid import AkidError, ReadingSource, Sensor
from akid.backend import tf


class FromDisk(ReadingSource):
    """The blobs, as if every batch were read from a disk."""

    def load(self) -> None:
        self.held = blobs()
        self.held.setup()

    def setup(self) -> None:
        if not self.ready:
            self.load()
            self.ready = True

    def size(self, split: str) -> int:
        return self.held.size(split)

    def signature(self) -> list[tf.TensorSpec]:
        return self.held.signature()

    def read(self, split: str, indices: np.ndarray) -> Sequence[np.ndarray]:
        return [tensor.numpy() for tensor in self.held.gather(split, tf.constant(indices))]


@pytest.mark.parametrize("source", [blobs, FromDisk])
def test_what_is_learnt_again_after_a_restore_is_the_same(tmp_path: Path, source: Any) -> None:
    options = {"max_steps": 4, "checkpoint_step": 2, "val_log_step": 4, "train_log_step": 1}
    kid = small_kid(tmp_path, sensor=Sensor(source(), batch_size=8), **options)
    kid.practice()
    after = kid.brain["ip1/weights"].numpy().copy()
    straight = metrics(tmp_path)
    kid.restore()
    assert kid.step == 4
    (tmp_path / "checkpoints" / "step-00000004").rename(tmp_path / "elsewhere")
    kid.restore()
    assert kid.step == 2
    kid.practice()
    np.testing.assert_array_equal(kid.brain["ip1/weights"].numpy(), after)
    assert metrics(tmp_path) == straight


def test_how_long_is_practised_may_be_changed_after_setup(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, max_steps=10)
    kid.setup()
    kid.max_steps = 3
    kid.practice()
    assert kid.step == 3


def test_another_run_directory_after_setup_is_the_one_that_is_used(tmp_path: Path) -> None:
    before = small_kid(tmp_path / "new", max_steps=2)
    before.practice()
    kid = small_kid(tmp_path / "old", max_steps=4)
    kid.setup()
    kid.log_dir = tmp_path / "new"
    assert kid.step == 2
    kid.practice()
    assert kid.step == 4
    assert (tmp_path / "new" / "result.json").exists()
    assert not (tmp_path / "old" / "result.json").exists()


@pytest.mark.parametrize(("name", "value"), [("seed", 3), ("debug", True), ("engine", "single"), ("sensor", None)])
def test_what_can_make_no_difference_any_more_is_refused(tmp_path: Path, name: str, value: object) -> None:
    kid = small_kid(tmp_path)
    setattr(kid, name, getattr(kid, name))
    kid.setup()
    with pytest.raises(
        AkidError, match=rf"^{name} cannot be changed once .* before setup\(\)\. Received: {name}="
    ):
        setattr(kid, name, value)
