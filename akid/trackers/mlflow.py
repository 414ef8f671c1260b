"""MLflow: a run of an experiment, in a database or on a tracking server."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from akid.runs.flat import flat
from akid.trackers.identities import Identities
from akid.trackers.tracker import Description, Ending

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

#: Any one of these asks for it: each says where a run is to be noted.
ASKED_BY = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")
#: What MLflow takes at most: characters of a parameter's value and of a tag's, things in a batch.
MOST_CHARACTERS, MOST_PARAMS, MOST_METRICS = 500, 100, 1000
_STATUS = {Ending.FINISHED: "FINISHED", Ending.FAILED: "FAILED", Ending.INTERRUPTED: "KILLED"}


class MlflowTracker:
    """Tells MLflow by its client alone: a run of the user's own that is active meanwhile is not touched.

    Args:
        identities: of the run directory.
        environment: says where the run is, or is to be.
    """

    def __init__(self, identities: Identities, environment: Mapping[str, str] = os.environ) -> None:
        self._identities, self._environment = identities, environment
        self._client: MlflowClient
        self._run_id = ""

    def begin(self, description: Description) -> None:
        """See `Tracker`. Parameters and tags that the run has keep their first value: MLflow's cannot change."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient()
        run = self._known() or self._new(description)
        self._run_id = run.info.run_id
        self._client.update_run(self._run_id, status="RUNNING")
        params = {name_of(name): str(value)[:MOST_CHARACTERS] for name, value in flat(description.config).items()}
        new = [Param(name, value) for name, value in params.items() if name not in run.data.params]
        for start in range(0, len(new), MOST_PARAMS):
            self._client.log_batch(self._run_id, params=new[start : start + MOST_PARAMS])

    def log(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        from mlflow.entities import Metric

        metrics = [Metric(name_of(name), value, int(1000 * seconds), step) for name, value in values.items()]
        for start in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self._run_id, metrics=metrics[start : start + MOST_METRICS])

    def end(self, ending: Ending) -> None:
        """See `Tracker`."""
        self._client.set_terminated(self._run_id, _STATUS[ending])

    def _known(self) -> Run | None:
        """The run that the environment or the run directory names; None if there is none, or it was deleted."""
        from mlflow.exceptions import MlflowException

        noted = self._identities.noted("mlflow")
        here = noted.get("run_id") if noted.get("tracking_uri") == self._store() else None
        run_id = self._environment.get("MLFLOW_RUN_ID") or here
        if not run_id:
            return None
        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST" or run_id != here:
                raise
            return None
        return run if run.info.lifecycle_stage == "active" else None

    def _new(self, description: Description) -> Run:
        name = self._environment.get("MLFLOW_RUN_NAME") or description.name
        tags = {key: value[:MOST_CHARACTERS] for key, value in description.tags.items()}
        run = self._client.create_run(self._experiment(), tags=tags, run_name=name)
        self._identities.note("mlflow", {"tracking_uri": self._store(), "run_id": run.info.run_id})
        return run

    def _experiment(self) -> str:
        """The id of the experiment the environment names, made if it is not there."""
        from mlflow.exceptions import MlflowException

        given = self._environment.get("MLFLOW_EXPERIMENT_ID")
        if given:
            return given
        name = self._environment.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return self._client.create_experiment(name)
            except MlflowException:  # another process was faster
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return found.experiment_id

    def _store(self) -> str:
        return without_password(self._client.tracking_uri)


def name_of(name: str) -> str:
    """A name as MLflow takes it: it knows fewer characters than a block's name."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def without_password(uri: str) -> str:
    """A store's address without the user and the password that may stand in it."""
    return re.sub(r"://[^/@]*@", "://", uri)
