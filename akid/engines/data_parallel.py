"""DataParallelEngine: several devices of one process."""

from __future__ import annotations

import functools
from typing import ClassVar

from akid.backend import tf
from akid.checks import Check, optional
from akid.engines.replicas import Replicas
from akid.engines.replicated import ReplicatedEngine
from akid.engines.strategies import StrategyReplicas
from akid.errors import AkidError


class DataParallelEngine(ReplicatedEngine):
    """A replica on every device; batches are global ones, split among them (paper, section 3.3).

    Args:
        num_gpu: how many devices; all there are if left out.
        devices: ``gpu``; or ``cpu`` for as many logical devices of the processor, which is for trying things out,
            not for speed.

    Raises:
        AkidError: there are not so many devices.
    """

    name: ClassVar[str] = "data_parallel"

    def __init__(self, num_gpu: int | None = None, devices: str = "gpu") -> None:
        self.num_gpu = optional(Check().integer, "num_gpu", num_gpu)
        self.devices = Check().one_of("devices", devices, ("gpu", "cpu"))

    def _make_replicas(self) -> Replicas:
        names = _logical_cpus(self.num_gpu or 2) if self.devices == "cpu" else self._gpus()
        return StrategyReplicas(_strategy(tuple(names)))

    def _gpus(self) -> list[str]:
        there = [device.name for device in tf.config.list_logical_devices("GPU")]
        wanted = len(there) if self.num_gpu is None else self.num_gpu
        if not there or wanted > len(there):
            raise AkidError(
                f"engine 'data_parallel': num_gpu must be at most the {len(there)} GPUs there are; devices='cpu'"
                f" takes logical devices of the processor instead. Received: num_gpu={self.num_gpu}"
            )
        return there[:wanted]


@functools.cache
def _strategy(names: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """One for a process: two would number their exchanges alike, and TensorFlow would mix them up."""
    return tf.distribute.MirroredStrategy(list(names))


def _logical_cpus(count: int) -> list[str]:
    """As many logical devices of the processor.

    Raises:
        AkidError: TensorFlow has started with fewer.
    """
    processor = tf.config.list_physical_devices("CPU")[0]
    try:
        if len(tf.config.get_logical_device_configuration(processor) or []) < count:
            logical = [tf.config.LogicalDeviceConfiguration()] * count
            tf.config.set_logical_device_configuration(processor, logical)
    except RuntimeError:
        raise AkidError(
            f"engine 'data_parallel': TensorFlow has started with fewer than {count} logical devices; make the"
            " Kid, and set it up, before anything else runs in TensorFlow."
        ) from None
    return [device.name for device in tf.config.list_logical_devices("CPU")][:count]
