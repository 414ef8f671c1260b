"""The GPUs of this machine, or its CPUs where there are none, and who uses which (paper, section 3.1.2)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from akid.errors import DataError

_NVIDIA = Path("/proc/driver/nvidia/gpus")


def visible_gpus() -> list[str]:
    """What ``CUDA_VISIBLE_DEVICES`` may name: its own entries if it is set, else the number of every GPU."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return [entry for entry in (part.strip() for part in told.split(",")) if entry and entry != "-1"]
    return [str(index) for index, _ in enumerate(_NVIDIA.iterdir())] if _NVIDIA.is_dir() else []


class Devices:
    """A mask over the devices: which of them are free.

    Args:
        names: of GPUs, as ``CUDA_VISIBLE_DEVICES`` has them; numbers of CPUs if ``gpu`` is False.
        gpu: whether they are GPUs.
    """

    def __init__(self, names: Sequence[str], gpu: bool) -> None:
        self.names, self.gpu = tuple(names), gpu
        self._free = list(names)

    @classmethod
    def of_this_machine(cls, limit: int | None = None) -> Devices:
        """Its GPUs, or its CPUs if it has none; at most so many.

        Raises:
            DataError: there are fewer.
        """
        gpus = visible_gpus()
        names = gpus or [str(cpu) for cpu in sorted(os.sched_getaffinity(0))]
        kind = "GPUs" if gpus else "CPUs"
        if limit is not None and not 1 <= limit <= len(names):
            raise DataError(
                f"devices must be at least 1 and at most {len(names)}, the {kind} of this machine."
                f" Received: devices={limit!r}"
            )
        return cls(names[:limit], bool(gpus))

    def check(self, sizes: Sequence[int]) -> None:
        """See that every instance can run once all devices are free.

        Raises:
            DataError: one asks for more than there are, so it would wait for ever.
        """
        largest = max(sizes, default=1)
        if largest > len(self.names):
            kind = "GPUs" if self.gpu else "CPUs (there is no GPU)"
            raise DataError(
                f"gpu_num_per_instance must be at most {len(self.names)}, the {kind} of this machine."
                f" Received: gpu_num_per_instance={largest}"
            )

    def take(self, count: int) -> tuple[str, ...] | None:
        """So many free devices, which are free no more; None if there are not as many."""
        if count > len(self._free):
            return None
        taken, self._free = tuple(self._free[:count]), self._free[count:]
        return taken

    def give_back(self, names: Sequence[str]) -> None:
        """They are free again."""
        self._free = [name for name in self.names if name in {*self._free, *names}]

    def environment(self, names: Sequence[str]) -> dict[str, str]:
        """What makes a process see these devices alone."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(names) if self.gpu else "-1"}

    def cpus(self, names: Sequence[str]) -> set[int] | None:
        """The CPUs a process is to run on; None: any."""
        return None if self.gpu else {int(name) for name in names}
