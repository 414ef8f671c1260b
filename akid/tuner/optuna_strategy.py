"""Optuna's samplers and pruners as a strategy: the extra ``akid[tune]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from akid.checks import Check
from akid.errors import DataError
from akid.job.space import Axis, Choice, sorted_into_sets, space_of
from akid.kids.stopping import Goal
from akid.tuner.strategies import Proposal, Strategy

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial


class OptunaStrategy(Strategy):
    """Proposes what Optuna proposes, and stops what it would prune.

    Args:
        net_paras: axes by name, see `akid.job.space.space_of`.
        opt_paras: likewise.
        trials: how many proposals.
        sampler: ``"tpe"`` (Bergstra et al., 2011), ``"random"``, or a sampler of Optuna.
        pruner: ``"none"``, ``"median"``, ``"asha"`` (Li et al., 2020: asynchronous successive halving), or a
            pruner of Optuna.
        seed: of the sampler.
        size: devices for each.

    Raises:
        DataError: Optuna is not installed.
    """

    def __init__(
        self, net_paras: Mapping[str, Any] | None = None, opt_paras: Mapping[str, Any] | None = None, *,
        trials: int, sampler: Any = "tpe", pruner: Any = "none", seed: int = 0, size: int = 1,
    ) -> None:  # fmt: skip
        optuna = _optuna()
        self._space = space_of(net_paras or {}, opt_paras or {})
        self._distributions = {_key(key): _distribution(optuna, axis) for key, axis in self._space.items()}
        self._left = Check().integer("trials", trials)
        self._size = Check().integer("size", size)
        self._sampler, self._pruner = _sampler(optuna, sampler, seed), _pruner(optuna, pruner)
        self._study: Study
        self._trials: list[Trial] = []

    def begin(self, goal: Goal) -> None:
        """See `Strategy`."""
        direction = "minimize" if goal.goal == "min" else "maximize"
        self._study = _optuna().create_study(direction=direction, sampler=self._sampler, pruner=self._pruner)
        self._trials = []

    @property
    def sizes(self) -> Sequence[int]:
        """See `Strategy`."""
        return (self._size,)

    def propose(self) -> Proposal | None:
        """See `Strategy`."""
        if not self._left:
            return None
        self._left -= 1
        trial = self._study.ask(self._distributions)
        self._trials.append(trial)
        values = {key: _value(axis, trial.params[_key(key)]) for key, axis in self._space.items()}
        sets = sorted_into_sets(values)
        return Proposal(sets["net_paras"], sets["opt_paras"], size=self._size)

    def recall(self, proposal: Proposal) -> Proposal | None:
        """See `Strategy`; what is asked next depends on what came of this one, so it is put in its place."""
        known = {}
        for (of, name), axis in self._space.items():
            value = getattr(proposal, of).get(name)
            if isinstance(axis, Choice):
                if value not in axis.values:
                    return None
                value = axis.values.index(value)
            elif not isinstance(value, int | float):
                return None
            known[_key((of, name))] = value
        self._study.enqueue_trial(known)
        return super().recall(proposal)

    def hopeless(self, number: int, step: int, value: float) -> bool:
        """See `Strategy`."""
        trial = self._trials[number]
        trial.report(value, step)
        return trial.should_prune()

    def finished(self, number: int, value: float | None, pruned: bool = False) -> None:
        """See `Strategy`."""
        from optuna.trial import TrialState

        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        self._study.tell(self._trials[number], value, state=state)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise DataError("OptunaStrategy needs Optuna, which is not installed: pip install 'akid[tune]'.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the table shows what happens
    return optuna


def _key(key: tuple[str, str]) -> str:
    return f"{key[0]}.{key[1]}"


def _distribution(optuna: Any, axis: Axis) -> BaseDistribution:
    kinds = optuna.distributions
    if isinstance(axis, Choice):  # Optuna's own choices cannot be lists and dicts
        return kinds.CategoricalDistribution(list(range(len(axis.values))))
    if axis.whole:
        return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return kinds.FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def _value(axis: Axis, drawn: Any) -> Any:
    return axis.values[drawn] if isinstance(axis, Choice) else drawn


def _sampler(optuna: Any, sampler: Any, seed: int) -> Any:
    if not isinstance(sampler, str):
        return sampler
    Check().one_of("sampler", sampler, ("tpe", "random"))
    kinds = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    return kinds[sampler](seed=Check().integer("seed", seed, least=0))


def _pruner(optuna: Any, pruner: Any) -> Any:
    if not isinstance(pruner, str):
        return pruner
    Check().one_of("pruner", pruner, ("none", "median", "asha"))
    kinds = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "asha": optuna.pruners.SuccessiveHalvingPruner,
    }
    return kinds[pruner]()
