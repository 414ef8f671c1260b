"""A learning rate set by a hook (section 3.3 of the paper): halved when validation gets no better.

Run it: python examples/placeholder_lr.py
"""

from __future__ import annotations

from akid import DigitsSource, Kid, LearningRateScheme, MomentumKongFu, Sensor
from akid.models.brains import MLP


class HalveOnPlateau:
    """A hook is a function of the Kid; one with a memory is an object that can be called."""

    def __init__(self, lr: float) -> None:
        self.lr, self.best = lr, float("inf")

    def __call__(self, kid: Kid) -> None:
        if kid.val_loss >= self.best:
            self.lr /= 2
        self.best = min(self.best, kid.val_loss)
        kid.kongfu.set_lr(self.lr)


def setup(max_steps: int = 600, lr: float = 0.2) -> Kid:
    """A multi-layer perceptron, validated every 50 steps."""
    kongfu = MomentumKongFu(lr_scheme={"name": LearningRateScheme.placeholder, "base_lr": lr})
    kid = Kid(Sensor(DigitsSource(), batch_size=64), MLP(), kongfu, max_steps=max_steps, val_log_step=50)
    kid.hooks.on_val_log.append(HalveOnPlateau(lr))
    return kid


if __name__ == "__main__":
    setup().practice()
