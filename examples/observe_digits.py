"""Look into a LeNet that learns the digits (Figs. 4 to 8 of the paper): filters, activations, curves, its graph.

Run it: python examples/observe_digits.py. It needs matplotlib, the extra `akid[observe]`; the pictures are in
`runs/observe_digits/visualization`. Of a run of `akid run`, `akid observe LOG_DIR` makes the same ones.
"""

from __future__ import annotations

from akid import DigitsSource, Kid, MomentumKongFu, Observer, PadJoker, Sensor
from akid.models.brains import LeNet


def setup(max_steps: int = 600) -> Kid:
    """A LeNet for the digits; what it learns is recorded every twenty steps."""
    sensor = Sensor(DigitsSource(num_val=300), batch_size=64, jokers=[PadJoker([2, 2])])
    kongfu = MomentumKongFu(
        lr_scheme={"name": "exp_decay", "base_lr": 0.02, "decay_rate": 0.95, "decay_steps": 100}
    )
    return Kid(
        sensor,
        LeNet(wd={"type": "l2", "scale": 5e-4}),
        kongfu,
        max_steps=max_steps,
        train_log_step=20,
        val_log_step=60,
        log_dir="runs/observe_digits",
    )


def look(observer: Observer) -> None:
    """All there is to see."""
    observer.visualize_filters()
    observer.visualize_filters(["conv1"], layout={"type": "inverse", "num": 2})
    observer.visualize_activation()
    observer.visualize_classifying(mistakes=True)
    print(observer.do_stat_on_filters())
    observer.plot_sparsity()
    observer.plot_distributions()
    observer.plot_scalars()
    observer.visualize_graph()


if __name__ == "__main__":
    kid = setup()
    kid.practice()
    look(Observer(kid))
