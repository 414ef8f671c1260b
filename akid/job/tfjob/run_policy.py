"""How a TFJob is run: restarts, deadlines, cleaning up, gangs and queues."""

from __future__ import annotations

from akid.job.tfjob.notes import Json, Notes, mapping
from akid.job.tfjob.replicas import Replicas

CARRIED = ("activeDeadlineSeconds", "suspend", "ttlSecondsAfterFinished")
POLICY = (*CARRIED, "backoffLimit", "cleanPodPolicy", "managedBy", "schedulingPolicy")
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
GANGS = {"volcano": "volcano", "scheduler-plugins-scheduler": "coscheduling"}
# As many as there are: a TFJob without a backoffLimit restarts without end.
MOST_RESTARTS = 1000


def run_policy_of(spec: Json, replicas: dict[str, Replicas], notes: Notes) -> Json:
    """spec.runPolicy of the AkidJob. Before v1 had a runPolicy, its fields stood in spec."""
    given = {**{name: spec[name] for name in POLICY if name in spec}, **mapping(spec.get("runPolicy"))}
    notes.unknown("spec.runPolicy", given, POLICY)
    result: Json = {"restartStrategy": "Recreate", **_restarts(given, replicas, notes)}
    result |= {name: given[name] for name in CARRIED if name in given}
    if given.get("cleanPodPolicy"):
        result["cleanPodPolicy"] = given["cleanPodPolicy"]
    else:
        text = "left out, it kept pods that still run; an AkidJob ends them, so that their GPUs are free."
        notes.warn("spec.runPolicy.cleanPodPolicy", text)
    if given.get("managedBy", "kubeflow.org/training-operator") != "kubeflow.org/training-operator":
        notes.warn("spec.runPolicy.managedBy", "left out: an AkidJob is managed by akid's operator.")
    if spec.get("successPolicy"):
        result["successPolicy"] = spec["successPolicy"]
    if spec.get("enableDynamicWorker"):
        notes.warn("spec.enableDynamicWorker", "left out: TF_CONFIG names every member.")
    return result


def _restarts(given: Json, replicas: dict[str, Replicas], notes: Notes) -> Json:
    """Restarts: of all members together, since a program that nobody supervises cannot be joined by one."""
    policies = {one.restart_policy: one.path for one in replicas.values()}
    for policy, path in policies.items():
        if policy not in ("Always", "OnFailure", "Never", "ExitCode"):
            text = f"expected Always, OnFailure, Never or ExitCode, received {policy!r}."
            notes.refuse(f"{path}.restartPolicy", text)
    if set(policies) <= {"Never"}:
        return {"maxRestarts": 0}
    path = next(path for policy, path in policies.items() if policy != "Never")
    notes.warn(f"{path}.restartPolicy", "a member that fails restarts all members, from their last checkpoint.")
    if len(policies) > 1:
        notes.warn(f"{path}.restartPolicy", "differs between the roles; an AkidJob has one rule for all.")
    limit = given.get("backoffLimit", MOST_RESTARTS)
    result: Json = {"maxRestarts": min(limit, MOST_RESTARTS) if isinstance(limit, int) else limit}
    if {"Always", "OnFailure"} & set(policies):
        result["retryableExitCodes"] = list(range(1, 256))
    return result


def scheduling_of(spec: Json, metadata: Json, replicas: dict[str, Replicas], notes: Notes) -> Json:
    """spec.scheduling of the AkidJob."""
    path = "spec.runPolicy.schedulingPolicy"
    given = mapping(mapping(spec.get("runPolicy")).get("schedulingPolicy", spec.get("schedulingPolicy")))
    names = {"queue": "queue", "priorityClass": "priorityClassName", "minAvailable": "minAvailable"}
    notes.unknown(path, given, (*names, "minResources", "scheduleTimeoutSeconds"))
    for name in ("minResources", "scheduleTimeoutSeconds"):
        if name in given:
            notes.warn(f"{path}.{name}", "left out: a gang starts when all its pods (minAvailable) fit.")
    result = {new: given[old] for old, new in names.items() if given.get(old)}
    templates = [mapping(one.template.get("spec")) for one in replicas.values()]
    schedulers = {str(template.get("schedulerName")) for template in templates}
    gang = next((GANGS[name] for name in sorted(schedulers) if name in GANGS), "")
    if gang:
        result["gang"] = gang
    elif "minAvailable" in result:
        del result["minAvailable"]
        notes.warn(f"{path}.minAvailable", "left out: no template names a gang scheduler.")
    labels = mapping(metadata.get("labels"))
    if QUEUE_LABEL in labels and "queue" not in result:
        result["queue"] = labels[QUEUE_LABEL]
    return result
