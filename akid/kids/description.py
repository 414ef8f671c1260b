"""What experiment trackers are told of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from akid.blocks.brain import Brain
from akid.engines import Engine
from akid.runs.run_dir import RunDir
from akid.runs.settings import described
from akid.trackers.tracker import Description

#: Blocks whose settings are told one by one; of a larger brain the type says more.
MOST_BLOCKS = 40


def description_of(
    run_dir: RunDir,
    settings: Mapping[str, Any],
    brain: Brain,
    engine: Engine,
    params: Mapping[str, Any],
    last: int,
) -> Description:
    """A run's name, hyper parameters and tags.

    Args:
        run_dir: of the run; names it, unless it is a job's.
        settings: of the run, as JSON has them, see `akid.kids.run.Run.settings`.
        brain: built.
        engine: of the run.
        params: what its template was filled in with.
        last: the step it is to end at.
    """
    blocks = settings["brain"]
    told = {"blocks": blocks} if len(blocks) <= MOST_BLOCKS else {}
    size = sum(int(v.shape.num_elements() or 0) for v in brain.parameters.values())
    config = {
        **settings,
        "brain": {**described(brain), "parameters": size, **told},
        "engine": engine.name,
        "max_steps": last,
        **({"params": params} if params else {}),
    }
    name = os.environ.get("AKID_JOB_NAME") or run_dir.path.resolve().name
    tags = {"akid.brain": type(brain).__name__, "akid.engine": engine.name}
    return Description(name, config, tags)
