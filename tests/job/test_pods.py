"""A member as a Pod, and the job's other objects: what the job adds, and that the user's own is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from job.manifests import KID, parse
from job.rendered import SIZE, env, other, pod, template, trainer
from job.scenes import SERVERS, TWO

from akid.job import InvalidManifestError, ObjectRole
from akid.job.objects.reported import reports


def test_a_pod_says_whose_it_is():
    metadata = pod("worker", 1)["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("digits-worker-1", "lab")
    assert metadata["labels"] == {
        "app.kubernetes.io/managed-by": "akid-operator",
        "akid.dev/job": "digits",
        "akid.dev/role": "worker",
        "akid.dev/index": "1",
        "akid.dev/attempt": "2",
    }
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "akid.dev/v1alpha1",
            "kind": "AkidJob",
            "name": "digits",
            "uid": "job-uid",
            "controller": True,
        }
    ]


def test_a_pod_has_a_name_in_the_headless_service_and_never_restarts_by_itself():
    spec = pod(template=template(restartPolicy="Never"))["spec"]
    assert (spec["hostname"], spec["subdomain"]) == ("digits-worker-0", "digits")
    assert spec["restartPolicy"] == "Never"


def test_a_restart_policy_that_would_be_ignored_is_refused():
    with pytest.raises(InvalidManifestError, match=r"spec\.restartPolicy: expected 'Never', received 'Always'"):
        pod(template=template(restartPolicy="Always"))


@pytest.mark.parametrize(
    ("given", "policy"),
    [({}, None),
     ({"hostNetwork": True}, "ClusterFirstWithHostNet"),
     ({"hostNetwork": True, "dnsPolicy": "None"}, "None")],
)  # fmt: skip
def test_on_the_network_of_its_host_a_pod_still_finds_services(given: dict[str, Any], policy: str | None):
    assert pod(template=template(**given))["spec"].get("dnsPolicy") == policy


def test_pods_pass_the_restricted_pod_security_standard():
    described = pod()
    assert described["spec"]["securityContext"]["runAsNonRoot"] is True
    assert described["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert trainer(described)["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert described["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("role", "gpus"), [("chief", 2), ("worker", 2), ("evaluator", 2), ("ps", None)])
def test_gpus_go_to_those_who_compute(role: str, gpus: int | None):
    limits = trainer(pod(role, engine={**SERVERS, "gpusPerWorker": 2})).get("resources", {}).get("limits", {})
    assert limits.get("nvidia.com/gpu") == gpus


def test_gpus_join_the_limits_of_the_template():
    own = template({"name": "trainer", "resources": {"limits": {"cpu": 1}, "requests": {"cpu": 1}}})
    resources = trainer(pod(engine={**TWO, "gpusPerWorker": 1}, template=own))["resources"]
    assert resources == {"limits": {"nvidia.com/gpu": 1, "cpu": 1}, "requests": {"cpu": 1}}


def test_shared_memory_is_in_memory():
    described = pod()
    assert {"name": "akid-shm", "emptyDir": {"medium": "Memory"}} in described["spec"]["volumes"]
    assert {"name": "akid-shm", "mountPath": "/dev/shm"} in trainer(described)["volumeMounts"]


@pytest.mark.parametrize(
    ("containers", "name"),
    [
        ([], "trainer"),
        ([{"image": "i"}], "trainer"),
        ([{"name": "tensorflow"}], "tensorflow"),
        ([{"name": "log-shipper"}, {"name": "trainer"}], "trainer"),
    ],
)
def test_a_pod_says_which_container_trains(containers: list[dict[str, Any]], name: str):
    lies = {"annotations": {"akid.dev/trainer": "other"}}
    described = pod(template={"metadata": lies, "spec": {"containers": containers}})
    assert described["metadata"]["annotations"]["akid.dev/trainer"] == name
    assert trainer(described)["name"] == name


@pytest.mark.parametrize(
    ("own", "ports"),
    [
        ({"containerPort": 2222, "name": "tfjob-port"}, [9464, 2300, 2222]),
        ({"containerPort": 2222, "name": "game", "protocol": "UDP"}, [9464, 2222, 2300, 2222]),
        ({"containerPort": 4000, "name": "tf"}, [9464, 2300, 4000]),
        ({"containerPort": 9464, "name": "tf"}, [2300, 9464]),
    ],
)
def test_a_port_of_the_template_is_not_declared_twice(own: dict[str, Any], ports: list[int]):
    described = pod(template=template({"name": "main", "ports": [own]}, hostNetwork=True))
    assert [port["containerPort"] for port in trainer(described)["ports"]] == ports


def test_a_spread_that_the_template_has_is_its_own():
    mine = {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 3}
    spread = {"topologySpread": [{"topologyKey": "zone"}, {"topologyKey": "rack"}]}
    spec = pod(scheduling=spread, template=template(topologySpreadConstraints=[mine]))["spec"]
    assert [(c["topologyKey"], c["maxSkew"]) for c in spec["topologySpreadConstraints"]] == [
        ("rack", 1),
        ("zone", 3),
    ]


def test_a_mount_of_the_template_is_left():
    own = template({"name": "main", "volumeMounts": [{"name": "mine", "mountPath": "/dev/shm"}]},
                   volumes=[{"name": "mine", "emptyDir": {}}])  # fmt: skip
    mounts = trainer(pod(template=own))["volumeMounts"]
    assert [m["name"] for m in mounts if m["mountPath"] == "/dev/shm"] == ["mine"]


def test_the_template_wins_over_what_is_added():
    own = template(
        {"name": "main", "image": "mine:1", "command": ["run"],
         "env": [{"name": "AKID_DATA_PATH", "value": "/x"}]},
        serviceAccountName="robot", terminationGracePeriodSeconds=7, securityContext={"runAsNonRoot": False},
    )  # fmt: skip
    described = pod(template=own)
    assert (trainer(described)["name"], trainer(described)["image"]) == ("main", "mine:1")
    assert trainer(described)["command"] == ["run"]
    assert env(described)["AKID_DATA_PATH"] == "/x"
    assert described["spec"]["serviceAccountName"] == "robot"
    assert described["spec"]["terminationGracePeriodSeconds"] == 7
    assert described["spec"]["securityContext"]["runAsNonRoot"] is False


def test_what_is_added_to_the_environment_comes_first():
    own = template({"name": "trainer", "env": [{"name": "MINE", "value": "$(AKID_LOG_DIR)/x"}]})
    assert list(env(pod(template=own)))[-1] == "MINE"
    assert env(pod(template=own))["HTTP_PROXY"] == "p"


def test_a_side_car_is_left_beside_the_trainer():
    own = {"spec": {"containers": [{"name": "side", "image": "s"}, {"name": "trainer"}]}}
    described = pod(template=own)
    assert [c["name"] for c in described["spec"]["containers"]] == ["trainer", "side"]
    assert described["spec"]["containers"][1] == {"name": "side", "image": "s"}


def test_a_roles_template_replaces_the_jobs():
    own = {"template": template(nodeSelector={"a": "worker"}), "roles": {"ps": {"template": template()}}}
    assert "nodeSelector" in pod("worker", engine=SERVERS, **own)["spec"]
    assert "nodeSelector" not in pod("ps", engine=SERVERS, **own)["spec"]


def test_images_come_from_the_job_else_from_the_settings():
    assert trainer(pod())["image"] == "trainer:1"
    assert trainer(pod(image=None))["image"] == "default:1"


def test_priority_spread_and_scheduler():
    spread = [{"topologyKey": "zone"}]
    spec = pod(scheduling={"priorityClassName": "high", "schedulerName": "mine", "topologySpread": spread})["spec"]
    assert (spec["priorityClassName"], spec["schedulerName"]) == ("high", "mine")
    assert spec["topologySpreadConstraints"] == [
        {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway",
         "labelSelector": {"matchLabels": {"akid.dev/job": "digits"}}}
    ]  # fmt: skip


def test_a_job_fails_in_words_if_the_trainer_leaves_none():
    assert trainer(pod())["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_config_map_holds_a_kid_the_trainer_can_load():
    described = other(ObjectRole.CONFIG)
    kid = parse(yaml.safe_load(described["data"]["job.yaml"]))
    assert (kid.spec.kid.arguments(), kid.spec.engine.name) == (KID, "multi_worker")
    assert described["immutable"] is True


def test_the_config_map_does_not_change_with_what_may_change():
    one, two = (
        other(ObjectRole.CONFIG),
        other(ObjectRole.CONFIG, engine={**TWO, "workers": 5}, runPolicy={"maxRestarts": 9}),
    )
    assert one == two
    assert other(ObjectRole.CONFIG, kid={"module": "a"}) != one


def hash_of(**spec: Any) -> str:
    return pod(**spec)["metadata"]["annotations"]["akid.dev/template-hash"]


@pytest.mark.parametrize(
    "change",
    [
        {"image": "other:1"},
        {"template": template(hostNetwork=True)},
        {"roles": {"worker": {"template": template()}}},
        {"scheduling": {"queue": "night"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_pod_says_from_which_template_it_was_made(change: dict[str, Any]):
    assert hash_of(**change) != hash_of()


def test_what_may_change_while_a_job_runs_or_is_the_same_is_no_other_template():
    same = {"roles": {}, "scheduling": {"gang": "none", "queue": ""}, "runPolicy": {"maxRestarts": 9}}
    assert hash_of(**same, engine={**TWO, "workers": 5}) == hash_of()
    assert pod("worker", 1)["metadata"]["annotations"] == pod()["metadata"]["annotations"]


def test_o_names_resolve_before_the_pods_are_ready():
    spec = other(ObjectRole.SERVICE)["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert spec["selector"] == {"akid.dev/job": "digits"}


@pytest.mark.parametrize(("workers", "told"), [(2, True), (1, False)])
def test_a_pod_is_told_the_numbers_of_services_if_it_meets_others(workers: int, told: bool):
    assert pod(engine={"name": "multi_worker", "workers": workers})["spec"]["enableServiceLinks"] is told


def test_the_rendezvous_is_an_address_of_the_chief():
    described = other(ObjectRole.RENDEZVOUS, engine=SERVERS)
    assert described["metadata"]["name"] == "digits-rendezvous"
    assert described["spec"]["selector"] == {"akid.dev/chief": "digits"}
    assert described["spec"]["ports"] == [{"name": "rendezvous", "port": 2300, "targetPort": 2300}]


@pytest.mark.parametrize(("engine", "chief"), [(TWO, ("worker", 0)), (SERVERS, ("chief", 0))])
def test_the_rendezvous_selects_the_chief_alone(engine: dict[str, Any], chief: tuple[str, int]):
    selector = other(ObjectRole.RENDEZVOUS, engine=engine)["spec"]["selector"].items()
    members = [("worker", 0), ("worker", 1), ("chief", 0), ("ps", 0)]
    copied = {"metadata": {"labels": {"akid.dev/chief": "digits", "mine": "kept"}}, **template()}
    labels = {who: pod(*who, engine=engine, template=copied)["metadata"]["labels"] for who in members}
    assert [who for who in members if selector <= labels[who].items()] == [chief]
    assert {of["mine"] for of in labels.values()} == {"kept"}


def test_the_token_is_a_secret_of_this_very_job_without_data():
    described = other(ObjectRole.TOKEN)
    assert (described["kind"], described["immutable"]) == ("Secret", True)
    assert "data" not in described
    assert described["metadata"]["name"].startswith("digits-token-")
    volumes = pod()["spec"]["volumes"]
    secrets = [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]
    assert secrets == [described["metadata"]["name"]]


OTHERS = set(ObjectRole) - {ObjectRole.JOB, ObjectRole.MEMBER, ObjectRole.TRIAL}


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_every_object_belongs_to_the_job(kind: ObjectRole):
    sized = {"claimTemplate": {"spec": SIZE}}
    described = other(kind, volumes={"data": sized, "log": sized}, scheduling={"gang": "coscheduling"})
    assert described["metadata"]["ownerReferences"][0]["uid"] == "job-uid"
    assert described["metadata"]["labels"]["akid.dev/job"] == "digits"
    assert len(described["metadata"]["name"]) <= 63


OWN = {"kid": None, "runPolicy": {"restartStrategy": "Recreate"}, "template": template({"args": ["train.py"]})}


def test_an_unmodified_image_gets_tf_config_and_nothing_of_a_kid_or_a_supervisor():
    made = pod(**OWN)
    assert {"akid-data", "akid-log", "akid-shm"} == {volume["name"] for volume in made["spec"]["volumes"]}
    assert not {"AKID_KID", "AKID_RENDEZVOUS", "AKID_METRICS_PORT", "AKID_POD_IP"} & set(env(made))
    assert json.loads(env(made)["TF_CONFIG"])["cluster"]["worker"][1] == "digits-worker-1.digits:2222"
    assert [port["name"] for port in trainer(made)["ports"]] == ["tf"]
    assert "command" not in trainer(made)
    assert not reports(made)


def test_under_akids_trainer_a_program_without_a_kid_tells_its_progress():
    made = pod(**{**OWN, "template": template({"command": ["akid", "train", "--", "python", "train.py"]})})
    assert "AKID_METRICS_PORT" in env(made)
    assert reports(made)
