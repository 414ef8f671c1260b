"""The jobs of trials: the tuned job's own spec, with values in `kid.params`. No template is filled in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from akid.job.api.job import AkidJob
from akid.job.names import MANAGER, OBJECTIVE_ANNOTATION, TRIAL_LABEL, TUNE_LABEL
from akid.job.objects.pods import Manifest, owner
from akid.job.trials import Trial, kid_of_trial, trial_name

# What of the run policy is the tuned job's alone.
OF_THE_WHOLE = ("suspend", "activeDeadlineSeconds", "ttlSecondsAfterFinished")


def trial_job(raw: Mapping[str, Any], job: AkidJob, trial: Trial) -> Manifest:
    """The manifest of a trial's job.

    Args:
        raw: the job that is tuned, as the server holds it: what this version does not know is handed on.
        job: the same, read.
        trial: the trial.
    """
    tune = job.spec.tune
    assert tune is not None
    spec = {name: value for name, value in cast("Mapping[str, Any]", raw["spec"]).items() if name != "tune"}
    policy = cast("Mapping[str, Any]", spec.get("runPolicy") or {})
    spec["kid"] = kid_of_trial(spec["kid"], trial)
    spec["runPolicy"] = {name: value for name, value in policy.items() if name not in OF_THE_WHOLE}
    metadata: Manifest = {
        "name": trial_name(job.metadata.name, trial.number),
        "namespace": job.metadata.namespace,
        "labels": {
            "app.kubernetes.io/managed-by": MANAGER,
            TUNE_LABEL: job.metadata.name,
            TRIAL_LABEL: str(trial.number),
        },
        "annotations": {OBJECTIVE_ANNOTATION: tune.objective.metric},
        "ownerReferences": [owner(job)],
    }
    return {"apiVersion": job.api_version, "kind": job.kind, "metadata": metadata, "spec": spec}
