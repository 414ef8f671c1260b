"""The listing of the paper's section 3.2.2."""

from __future__ import annotations

from akid import DigitsSource, Kid, MomentumKongFu, Sensor
from akid.models.brains import OneLayerBrain

LISTING = """\
from akid import Observer

o = Observer(kid)
# Visualize filters as the following
o.visualize_filters()
# Or visualize feature maps as the following
o.visualize_activation()
"""


def test_the_observer_makes_its_pictures(tmp_path):
    kid = Kid(
        Sensor(DigitsSource(), batch_size=32),
        OneLayerBrain(),
        MomentumKongFu(),
        max_steps=2,
        log_dir=tmp_path,
        progress=False,
    )
    kid.practice()
    exec(compile(LISTING, "listing", "exec"), {"kid": kid})
    made = {path.name for path in (tmp_path / "visualization").iterdir()}
    assert {"conv1_filters.png", "ip1_filters.png", "activations.png", "conv1_activation.png"} <= made
