"""The replicas of a TFJob: which roles there are, and the engine whose members they become."""

from __future__ import annotations

from dataclasses import dataclass, field

from akid.job.tfjob.notes import Json, Notes, items, mapping

# Keys in any case; `master` and `eval` are older words.
ROLES = {
    "chief": "chief", "master": "chief", "worker": "worker", "ps": "ps",
    "evaluator": "evaluator", "eval": "evaluator",
}  # fmt: skip


@dataclass
class Replicas:
    """The replicas of a role.

    Args:
        path: where they stand.
        count: how many.
        template: of their pods.
        restart_policy: Always, OnFailure, Never or ExitCode.
    """

    path: str
    count: int
    template: Json
    restart_policy: str


@dataclass
class Shape:
    """The engine of an AkidJob, and whose template is whose.

    Args:
        engine: of the AkidJob.
        templates: the replicas that give each of its roles their template.
    """

    engine: Json
    templates: dict[str, Replicas] = field(default_factory=dict[str, Replicas])


def replicas_of(spec: Json, notes: Notes) -> dict[str, Replicas]:
    """The replicas by role; those of which there are none are left out."""
    found: dict[str, Replicas] = {}
    for path, name, given in _given(spec, notes):
        role = ROLES.get(name.lower())
        count = given.get("replicas", 1)
        if role is None:
            notes.refuse(path, f"expected Chief, Worker, PS or Evaluator, received {name!r}.")
        elif not isinstance(count, int) or count < 0:
            notes.refuse(f"{path}.replicas", f"expected a number of pods, received {count!r}.")
        elif role in found:
            notes.refuse(path, f"there is another {role}; an AkidJob has one.")
        elif role in ("chief", "evaluator") and count > 1:
            notes.refuse(f"{path}.replicas", f"an AkidJob has one {role}, received {count}.")
        elif count:
            template = mapping(given.get("template"))
            found[role] = Replicas(path, count, template, str(given.get("restartPolicy", "Never")))
            if name.lower() == "master":
                notes.warn(path, "TF_CONFIG calls it chief, as TensorFlow 2 does.")
    return found


def _given(spec: Json, notes: Notes) -> list[tuple[str, str, Json]]:
    """(path, role, replicas) of every entry, in the form of any version."""
    known = ("replicas", "template", "restartPolicy")
    result: list[tuple[str, str, Json]] = []
    for name, value in mapping(spec.get("tfReplicaSpecs")).items():
        given = mapping(value)
        notes.unknown(f"spec.tfReplicaSpecs.{name}", given, known)
        result.append((f"spec.tfReplicaSpecs.{name}", name, given))
    for number, given in enumerate(items(spec.get("replicaSpecs"))):  # v1alpha1
        path = f"spec.replicaSpecs[{number}]"
        notes.unknown(path, given, (*known, "tfReplicaType", "tfPort"))
        restarts = mapping(mapping(given.get("template")).get("spec")).get("restartPolicy", "Never")
        entry = {"restartPolicy": restarts, **_with_port(given)}
        result.append((path, str(given.get("tfReplicaType", "MASTER")), entry))
    return result


def _with_port(given: Json) -> Json:
    """v1alpha1 gives the port beside the template."""
    if "tfPort" not in given:
        return given
    template = mapping(given.get("template"))
    spec = mapping(template.get("spec"))
    port = {"name": "tfjob-port", "containerPort": given["tfPort"]}
    containers = [{**c, "ports": [*items(c.get("ports")), port]} for c in items(spec.get("containers"))[:1]]
    others = items(spec.get("containers"))[1:]
    return {**given, "template": {**template, "spec": {**spec, "containers": [*containers, *others]}}}


def shape_of(replicas: dict[str, Replicas], notes: Notes) -> Shape:
    """The engine for these roles, and who gives its roles their templates."""
    if not replicas:
        notes.refuse("spec.tfReplicaSpecs", "there are no replicas.")
        return Shape({})
    if "ps" in replicas:
        return _with_servers(replicas, notes)
    if "evaluator" in replicas:
        path = replicas["evaluator"].path
        notes.refuse(path, "only the engine parameter_server has an evaluator. Make it a job of its own.")
    return _synchronous(replicas, notes)


def _with_servers(replicas: dict[str, Replicas], notes: Notes) -> Shape:
    """Parameter servers, their workers, and a chief: the first worker, where there is none."""
    templates = dict(replicas)
    workers = replicas["worker"].count if "worker" in replicas else 0
    if "chief" not in replicas and workers:
        templates["chief"] = replicas["worker"]
        workers -= 1
        notes.warn(replicas["worker"].path, "worker-0 becomes the chief, and is called so in TF_CONFIG.")
    if not workers:
        notes.refuse(replicas["ps"].path, "the engine parameter_server needs a chief and at least one worker.")
    engine = {"name": "parameter_server", "workers": workers, "parameterServers": replicas["ps"].count}
    return Shape({**engine, **({"evaluator": True} if "evaluator" in replicas else {})}, templates)


def _synchronous(replicas: dict[str, Replicas], notes: Notes) -> Shape:
    """Workers, of which the first is the chief; one alone finds nobody by TF_CONFIG."""
    chief, worker = replicas.get("chief"), replicas.get("worker")
    given = worker or chief
    if given is None:
        return Shape({})
    count = sum(one.count for one in (chief, worker) if one is not None)
    if chief is not None and worker is not None:
        notes.warn(chief.path, "the chief is worker-0, and is called so in TF_CONFIG; the workers follow it.")
        if chief.template != worker.template:
            text = "differs from the workers' template; of the engine multi_worker, chief and workers have one."
            notes.refuse(f"{chief.path}.template", text)
    engine = {"name": "multi_worker", "workers": count} if count > 1 else {"name": "single"}
    return Shape(engine, {"worker": given})
