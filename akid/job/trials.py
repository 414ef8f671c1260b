"""The trials of a tuning: pure functions of the job, so that a cluster and one machine agree on them."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from akid.job.api.job import MAX_NAME
from akid.job.api.tune import RandomSearch, Tune
from akid.job.names import TRIAL_LABEL
from akid.job.parts import mapping
from akid.job.space import sorted_into_sets, space_of

# (step, value) of an objective, in the order of the steps.
Values = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Trial:
    """One setting of the parameters.

    Attributes:
        number: from 0, in the order in which trials are started.
        net_paras: parameters of the network.
        opt_paras: parameters of the optimization.
        repeat: which repetition it is, from 0.
    """

    number: int
    net_paras: Mapping[str, Any]
    opt_paras: Mapping[str, Any]
    repeat: int = 0

    @property
    def params(self) -> dict[str, Any]:
        """What a template is given, as plain JSON."""
        return {"net_paras": dict(self.net_paras), "opt_paras": dict(self.opt_paras), "repeat": self.repeat}


@dataclass(frozen=True)
class TrialState:
    """What is seen of a trial's job.

    Attributes:
        number: of the trial.
        name: its job's.
        uid: its job's.
        state: its job's, see `akid.job.api.status.State`.
        suspended: whether its job is to be suspended.
        message: why it failed, or does not run.
        values: of the objective, as it reported them.
    """

    number: int
    name: str
    uid: str
    state: str = ""
    suspended: bool = False
    message: str = ""
    values: Values = ()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("Succeeded", "Failed")


def trial_state(job: Mapping[str, Any]) -> TrialState | None:
    """What a job as the server holds it says of a trial; None if it is none."""
    metadata, status = mapping(job, "metadata"), mapping(job, "status")
    number = str(mapping(metadata, "labels").get(TRIAL_LABEL, ""))
    if not number.isdecimal():
        return None
    return TrialState(
        number=int(number),
        name=metadata["name"],
        uid=metadata["uid"],
        state=status.get("state", ""),
        suspended=bool(mapping(mapping(job, "spec"), "runPolicy").get("suspend")),
        message=status.get("message", "") if status.get("state") == "Failed" else "",
        values=tuple((one.get("step", 0), one.get("value", 0.0)) for one in status.get("measured", ())),
    )


def trials_of(tune: Tune) -> list[Trial]:
    """All trials in their order: repetitions outermost, then optimizations, networks innermost."""
    if tune.random is not None:
        settings = _draws(tune.random)
    else:
        pairs = itertools.product(tune.opt_paras or [{}], tune.net_paras or [{}])
        settings = [(plain(net), plain(opt)) for opt, net in pairs]
    repeated = itertools.product(range(tune.repeats), settings)
    return [Trial(number, net, opt, repeat) for number, (repeat, (net, opt)) in enumerate(repeated)]


def _draws(search: RandomSearch) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(net_paras, opt_paras) of every draw; drawn by name, since a server does not keep the order of a mapping."""
    net, opt = (dict(sorted(plain(axes).items())) for axes in (search.net_paras, search.opt_paras))
    space, rng = space_of(net, opt), random.Random(search.seed)
    draws = [{key: axis.draw(rng) for key, axis in space.items()} for _ in range(search.trials)]
    return [(sets["net_paras"], sets["opt_paras"]) for sets in map(sorted_into_sets, draws)]


def plain(value: Any) -> Any:
    """A value as a server gives it back: of JSON, where 1.0 is 1."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def trial_name(job: str, number: int) -> str:
    """The name of a trial's job: within the limit of names, and no other job's trial has it.

    Args:
        job: the name of the job that is tuned.
        number: of the trial.
    """
    end = f"-t{number}"
    if len(job) + len("-t") + len("999") <= MAX_NAME:
        return job + end
    short = hashlib.sha256(job.encode()).hexdigest()[:8]
    return f"{job[: MAX_NAME - len(short) - len('--t999')].rstrip('-')}-{short}{end}"


def kid_of_trial(kid: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """``spec.kid`` of a trial, its template not filled in: parameters in ``params``, a seed for a repetition.

    Args:
        kid: of the job that is tuned, as plain dicts.
        trial: the trial.
    """
    params = {**cast("Mapping[str, Any]", kid.get("params") or {}), **trial.params}
    seed = kid.get("seed", 0)
    seeds = trial.repeat and isinstance(seed, int)  # a template of it is the template's business
    return {**kid, "params": params} | ({"seed": seed + trial.repeat} if seeds else {})
