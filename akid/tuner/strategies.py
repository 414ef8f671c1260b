"""Which parameters are tried, in which order: every combination, or some drawn at random."""

from __future__ import annotations

import itertools
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from akid.checks import Check
from akid.errors import DataError
from akid.job.space import sorted_into_sets, space_of
from akid.kids.stopping import Goal


@dataclass(frozen=True)
class Proposal:
    """Parameters to try.

    Attributes:
        net_paras: hyper parameters of the network.
        opt_paras: hyper parameters of the optimization.
        repeat: which repetition it is, from 0; each has a seed of its own.
        size: how many devices it takes.
    """

    net_paras: Mapping[str, Any] = field(default_factory=dict)
    opt_paras: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0
    size: int = 1

    @property
    def params(self) -> dict[str, Any]:
        """What the template may use."""
        return {"net_paras": self.net_paras, "opt_paras": self.opt_paras, "repeat": self.repeat}


class Strategy(ABC):
    """Proposes what to try. It is told what came of it, by the number of the proposal, counted from 0."""

    @property
    def sizes(self) -> Sequence[int]:
        """How many devices its proposals may take."""
        return (1,)

    def begin(self, goal: Goal) -> None:
        """What is to be small or large; told before anything else."""
        return

    @abstractmethod
    def propose(self) -> Proposal | None:
        """What to try next; None if there is nothing more."""

    def recall(self, proposal: Proposal) -> Proposal | None:
        """Take a proposal of an earlier call as one's own next, and give that; None if it cannot be."""
        own = self.propose()
        return own if own is not None and same(own, proposal) else None

    def hopeless(self, number: int, step: int, value: float) -> bool:
        """Whether to stop an instance whose objective at a step is this value; every value is told once."""
        return False

    def finished(self, number: int, value: float | None, pruned: bool = False) -> None:
        """An instance is over; its value of the objective, None if it failed, and whether it was hopeless."""
        return


class GridStrategy(Strategy):
    """Every network with every optimization (paper, section 3.1.2), each ``repeat_times`` times.

    The order is: repetitions outermost, then optimizations, networks innermost.

    Args:
        net_paras_list: of parameters.
        opt_paras_list: of parameters.
        repeat_times: how often each.
        gpu_num_per_instance: devices for each; or a list with a number for each, in the order above.

    Raises:
        DataError: a number of devices is missing or too many.
    """

    def __init__(
        self,
        net_paras_list: Sequence[Mapping[str, Any]],
        opt_paras_list: Sequence[Mapping[str, Any]],
        repeat_times: int = 1,
        gpu_num_per_instance: int | Sequence[int] = 1,
    ) -> None:
        repeats = range(Check().integer("repeat_times", repeat_times))
        triples = list(itertools.product(repeats, opt_paras_list, net_paras_list))
        self._sizes = sizes_of(gpu_num_per_instance, len(triples))
        sized = zip(triples, self._sizes, strict=True)
        self._rest = iter([Proposal(net, opt, repeat, size) for (repeat, opt, net), size in sized])

    @property
    def sizes(self) -> Sequence[int]:
        """See `Strategy`."""
        return self._sizes

    def propose(self) -> Proposal | None:
        """See `Strategy`."""
        return next(self._rest, None)


class RandomStrategy(Strategy):
    """Draws every parameter by itself (Bergstra and Bengio, 2012).

    Args:
        net_paras: axes by name, see `akid.job.space.space_of`.
        opt_paras: likewise.
        trials: how many draws.
        seed: of the draws; the same seed gives the same ones.
        size: devices for each.
    """

    def __init__(
        self,
        net_paras: Mapping[str, Any] | None = None,
        opt_paras: Mapping[str, Any] | None = None,
        *,
        trials: int,
        seed: int = 0,
        size: int = 1,
    ) -> None:
        self._space = space_of(net_paras or {}, opt_paras or {})
        self._left = Check().integer("trials", trials)
        self._size = Check().integer("size", size)
        self._rng = random.Random(Check().integer("seed", seed, least=None))

    @property
    def sizes(self) -> Sequence[int]:
        """See `Strategy`."""
        return (self._size,)

    def propose(self) -> Proposal | None:
        """See `Strategy`."""
        if not self._left:
            return None
        self._left -= 1
        drawn = sorted_into_sets({key: axis.draw(self._rng) for key, axis in self._space.items()})
        return Proposal(drawn["net_paras"], drawn["opt_paras"], size=self._size)


def sizes_of(gpu_num_per_instance: int | Sequence[int], instances: int) -> list[int]:
    """The number of devices of every instance.

    Raises:
        DataError: it is a list of another length, or a number is not above 0.
    """
    if isinstance(gpu_num_per_instance, int):
        return [Check().integer("gpu_num_per_instance", gpu_num_per_instance)] * instances
    sizes = [Check().integer(f"gpu_num_per_instance[{i}]", n) for i, n in enumerate(gpu_num_per_instance)]
    if len(sizes) != instances:
        raise DataError(
            f"gpu_num_per_instance must be a number, or a list of {instances} numbers, one for every instance."
            f" Received: gpu_num_per_instance={list(gpu_num_per_instance)!r}"
        )
    return sizes


def same(one: Proposal, other: Proposal) -> bool:
    """Whether two proposals are the same once written down: JSON has lists for tuples."""
    return json.dumps(asdict(one)) == json.dumps(asdict(other))
