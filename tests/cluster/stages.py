"""The stages of a cluster's fake pods: those of stages.yaml, and perhaps an end for the pods of AkidJobs."""

import copy
from pathlib import Path
from typing import Any

import yaml

STAGES = Path(__file__).with_name("stages.yaml")
JOB_LABEL = "akid.dev/job"


def write(path: Path, job_seconds: float | None) -> None:
    """Write the stages of a cluster.

    Args:
        path: of the file.
        job_seconds: how long the pods of AkidJobs run that say nothing of it; None: for ever.
    """
    stages = list(yaml.safe_load_all(STAGES.read_text()))
    if job_seconds is not None:
        stages.append(_end_of_job_pods(stages, job_seconds))
    path.write_text(yaml.safe_dump_all(stages))


def _end_of_job_pods(stages: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """As if every pod of a job had the annotation run-for; the one that it has counts."""
    stage = copy.deepcopy(next(stage for stage in stages if stage["metadata"]["name"] == "pod-end"))
    stage["metadata"]["name"] = "job-pod-end"
    rules = stage["spec"]["selector"]["matchExpressions"]
    next(rule for rule in rules if "run-for" in rule["key"])["operator"] = "DoesNotExist"
    rules.append({"key": f'.metadata.labels["{JOB_LABEL}"]', "operator": "Exists"})
    stage["spec"]["delay"] = {"durationMilliseconds": round(seconds * 1000)}
    return stage
