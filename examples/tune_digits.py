"""Tune a network: every activation with every learning rate, as many at a time as there are GPUs (or CPUs).

Run it: python examples/tune_digits.py
It prints a table and leaves runs/tune-digits/{results.csv,parallel_coordinates.png,bars.png}. Run again, it goes
on where it was.
"""

from __future__ import annotations

from akid import Brain, DigitsSource, Kid, MomentumKongFu, Sensor, cnn_block, tune
from akid.layers import SoftmaxWithLossLayer

net_paras_list = [
    {"activation": {"type": "relu"}, "bn": True},
    {"activation": {"type": "maxout", "group_size": 2}, "bn": True},
]
opt_paras_list = [{"lr": 0.025}, {"lr": 0.05}]


def setup():
    """A template: the words in double braces are filled in for every instance."""
    brain = Brain(name="brain")
    brain.attach(
        cnn_block(
            ksize=[3, 3],
            out_channel_num=16,
            activation={{net_paras["activation"]}},  # noqa: F821
            keep_prob=0.5,
            bn={{net_paras["bn"]}},  # noqa: F821
        )
    )
    brain.attach(cnn_block(out_channel_num=10, activation=None))
    brain.attach(SoftmaxWithLossLayer(class_num=10, inputs=[{"name": "ip1"}, {"name": "system_in", "idxs": [1]}]))
    kongfu = MomentumKongFu(lr_scheme={{opt_paras["lr"]}})  # noqa: F821
    return Kid(Sensor(DigitsSource(num_val=300), batch_size=64), brain, kongfu, max_steps=200)


def main(log_dir: str = "runs/tune-digits", max_steps: int | None = None) -> None:
    """Tune, and leave a table and two pictures."""
    result = tune(setup, opt_paras_list, net_paras_list, log_dir=log_dir, max_steps=max_steps)
    print(result)
    best = result.best
    if best is not None:
        print(f"best: trial {best.number}, val_loss {best.best:.4f}, in {best.log_dir}")
        result.plot_parallel_coordinates(f"{log_dir}/parallel_coordinates.png")
        result.plot_bars(f"{log_dir}/bars.png")
    result.to_csv(f"{log_dir}/results.csv")


if __name__ == "__main__":
    main()
