"""Jobs at random."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

ENGINES: list[dict[str, Any]] = [
    {"name": "single"},
    {"name": "multi_worker", "workers": 3},
    {"name": "multi_worker", "workers": 2},
    {"name": "multi_worker", "workers": 3, "minWorkers": 2},
    {"name": "parameter_server", "workers": 2, "parameterServers": 1, "evaluator": True},
]
POLICIES: dict[str, list[Any]] = {
    "maxRestarts": [0, 1, 3, 8],
    "restartStrategy": ["InPlace", "Recreate"],
    "successPolicy": ["Chief", "AllWorkers"],
    "cleanPodPolicy": ["Running", "All", "None"],
    "activeDeadlineSeconds": [None, None, None, 300],
    "pendingDeadlineSeconds": [None, None, None, 100],
    "ttlSecondsAfterFinished": [None, None, 0, 60],
}


def random_spec(random: Random) -> dict[str, Any]:
    """A job: an engine and a policy."""
    policy = {name: random.choice(values) for name, values in POLICIES.items()}
    engine = random.choice(ENGINES)
    if "minWorkers" in engine:
        policy |= {"restartStrategy": "InPlace", "successPolicy": "Chief"}
    return {
        "engine": dict(engine),
        "runPolicy": {name: value for name, value in policy.items() if value is not None},
        "scheduling": random.choice([{}, {"gang": "coscheduling"}, {"gang": "kubernetes"}]),
    }


def pick(random: Random, weights: Mapping[Any, int]) -> Any:
    """One of the keys, by its weight."""
    return random.choices(list(weights), list(weights.values()))[0]
