"""The API on a real server: what it takes, what it refuses in which words; and the models say the same."""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.api import ApiError
from cluster.control import Cluster
from hypothesis import HealthCheck, given, settings
from job.arbitrary import ENGINES, changes, specs
from job.manifests import KID, manifest, put
from jobs import JOBS, REPOSITORY, Jobs

from akid.job import AkidJob, InvalidManifestError, ObjectRole, PodDefaults, load_mapping, parse
from akid.job.members import Create, members_of
from akid.job.objects.pods import place_of
from akid.job.objects.services_and_config import manifest as made
from akid.job.tfjob import convert

pytestmark = pytest.mark.cluster
TABLES = Path(__file__).parents[1] / "job"
EXAMPLES = sorted((REPOSITORY / "examples/jobs").glob("*.yaml"))
by_chance = partial(settings, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Server:
    """Asks the server whether it would take a job, as kubectl does."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.api = cluster.admin
        self._path = f"{JOBS}/namespaces/{namespace}/akidjobs"
        self._namespace = namespace

    def create(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Create a job; as the server holds it."""
        return self.api.create(self._path, self._ours(manifest() | {"spec": spec}))

    def change(self, there: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
        """A job as it would be with another spec; ApiError if it would not."""
        return self._ask("PUT", f"{self._path}/{there['metadata']['name']}", there | {"spec": spec})

    def refuses(self, wanted: dict[str, Any], there: dict[str, Any] | None = None) -> str:
        """Why it does not create a job, or change the one that is there; empty if it would."""
        try:
            if there is not None:
                self.change(there, wanted)
            else:
                self._ask("POST", self._path, self._ours(wanted))
        except ApiError as error:
            return json.loads(error.message)["message"]
        return ""

    def _ours(self, wanted: dict[str, Any]) -> dict[str, Any]:
        wanted = copy.deepcopy(wanted)
        wanted["metadata"] |= {"namespace": self._namespace}
        wanted["metadata"].pop("uid", None)
        return wanted

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.api.request(method, f"{path}?dryRun=All&fieldValidation=Strict", body)


@pytest.fixture
def server(akid_cluster: Cluster, namespace: str) -> Server:
    return Server(akid_cluster, namespace)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_accepted(server: Server, file: Path) -> None:
    assert server.refuses(yaml.safe_load(file.read_text())) == ""


def test_a_template_is_accepted_as_tools_in_go_write_it(server: Server) -> None:
    assert server.refuses(put(manifest(), "spec.template.metadata.creationTimestamp", None)) == ""


def test_every_mistake_is_refused_by_the_name_of_its_field(server: Server) -> None:
    mistakes = yaml.safe_load((TABLES / "mistakes.yaml").read_text())
    wrong: list[str] = []
    for mistake in mistakes:
        told = server.refuses(put(manifest(), mistake["at"], mistake.get("put", ...)))
        field = mistake["says"].partition(": ")[0] if ": " in mistake["says"] else mistake["at"]
        if field not in told:
            wrong.append(f"{mistake['says']} - but the server: {told or 'accepts it'}")
    assert wrong == []
    assert len(mistakes) >= 60


def test_a_created_job_changes_only_where_it_may(server: Server, jobs: Jobs) -> None:
    updates = yaml.safe_load((TABLES / "updates.yaml").read_text())
    wrong: list[str] = []
    for update in updates:
        old = manifest(**update.get("from", {}))["spec"]
        told = server.refuses(put({"spec": old}, update["at"], update["put"])["spec"], server.create(old))
        jobs.delete()
        if (update.get("refused", "") not in told) or (not update.get("refused") and told):
            wrong.append(f"{update} - but the server: {told or 'accepts it'}")
    assert wrong == []


def judged(wanted: dict[str, Any]) -> str:
    try:
        parse(wanted)
    except InvalidManifestError as error:
        return str(error)
    return ""


@by_chance(max_examples=500)
@given(spec=specs())
def test_the_models_and_the_server_agree(server: Server, spec: dict[str, Any]) -> None:
    """All that they may differ in: integers written as 1.0, the depth of a kid, metadata beside the name, and what
    is drawn from at random, which is open to the server."""
    if isinstance(tune := spec.get("tune"), dict) and "random" in tune:
        return
    wanted = manifest() | {"spec": spec}
    by_model, by_server = judged(wanted), server.refuses(wanted)
    assert bool(by_model) == bool(by_server), f"the model: {by_model!r}\nthe server: {by_server!r}"


def objects(job: AkidJob, *, pods: bool) -> list[Any]:
    """What the operator makes once for a job, and its pods."""
    volumes = job.spec.volumes
    creates = [Create(ObjectRole.CONFIG, 0)]
    creates += [Create(ObjectRole.DATA_CLAIM, 0)] if volumes.data and volumes.data.claim_template else []
    creates += [Create(ObjectRole.LOG_CLAIM, 0)] if volumes.log and volumes.log.claim_template else []
    creates += [Create(ObjectRole.MEMBER, 0, member) for member in members_of(job)] if pods else []
    return [made(job, create, PodDefaults(image="trainer"), place_of(job)) for create in creates]


def names_in(value: Any) -> Any:
    """The keys of nested mappings."""
    return {key: names_in(inner) for key, inner in value.items()} if isinstance(value, dict) else None


ROLES = {"multi_worker": {"worker"}, "parameter_server": {"chief", "worker", "ps", "evaluator"}}
DISTRIBUTED = [engine for engine in ENGINES if engine["name"] in ROLES]


@pytest.mark.parametrize("suspend", [False, True], ids=["running", "suspended"])
@pytest.mark.parametrize("engine", DISTRIBUTED, ids=lambda engine: engine["name"])
def test_what_the_server_lets_change_does_not_change_what_is_there(
    server: Server, engine: dict[str, Any], suspend: bool
) -> None:
    """A replaced pod is as its peers are; the kid and the claims are the same for ever."""
    shared = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    log = {"claimTemplate": {"spec": shared}}
    there = server.create(
        {"kid": KID, "engine": engine, "volumes": {"log": log}, "runPolicy": {"suspend": suspend}}
    )
    before, accepted = parse(there), [0]
    assert {str(member.role) for member in members_of(before)} >= ROLES[engine["name"]]

    @by_chance(max_examples=150)
    @given(spec=changes(there["spec"]))
    def change(spec: dict[str, Any]) -> None:
        gap = names_in(spec.get("kid")) != names_in(there["spec"]["kid"])  # of the server, see akid/job/rules.py
        if gap or server.refuses(spec, there):
            return
        accepted[0] += 1
        after = parse(server.change(there, spec))
        same = not suspend and after.spec.engine.workers == before.spec.engine.workers
        assert objects(after, pods=same) == objects(before, pods=same)

    change()
    assert accepted[0] > 5


@pytest.mark.parametrize("file", sorted((TABLES / "tfjobs").glob("*.yaml")), ids=lambda file: file.stem)
def test_what_a_tfjob_becomes_is_accepted(server: Server, file: Path) -> None:
    assert server.refuses(convert(load_mapping(file)["tfjob"]).manifest) == ""
