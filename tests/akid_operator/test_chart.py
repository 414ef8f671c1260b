"""The chart's templates over the values of its ci/, read by a real API server and by the operator itself."""

from __future__ import annotations

import importlib.util
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from akid_csi import allow
from akid_csi.__main__ import parser as driver_parser
from akid_operator.__main__ import options
from akid_operator.serve.metrics import Metrics
from akid_operator.serve.settings import Options
from akid_operator.work.store import Store
from chart import CHART, render
from cluster.control import Cluster
from cluster.helm import helm
from jobs import REPOSITORY

pytestmark = pytest.mark.cluster
CASES = sorted(CHART.glob("ci/*-values.yaml"))
#: Kinds of the Prometheus operator, which the test control plane has not.
UNSERVED = {"ServiceMonitor"}
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def rendered(case: str, kind: str = "") -> list[dict[str, Any]]:
    """What a case gives, in the order of the templates; of a kind."""
    values = yaml.safe_load((CHART / f"ci/{case}-values.yaml").read_text())
    return [manifest for manifest in render("", "ops", **values) if kind in ("", manifest["kind"])]


def named(case: str, kind: str, name: str = "akid-operator") -> dict[str, Any]:
    """The one of a kind and a name."""
    (found,) = [manifest for manifest in rendered(case, kind) if manifest["metadata"]["name"] == name]
    return found


def given(case: str) -> Options:
    """What the operator makes of the arguments of its Deployment."""
    (container,) = named(case, "Deployment")["spec"]["template"]["spec"]["containers"]
    return options(container["args"])[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_helm_finds_nothing_to_say(case: Path):
    told = helm("lint", "--strict", str(CHART), f"--values={case}")
    assert "1 chart(s) linted, 0 chart(s) failed" in told
    assert "WARNING" not in told


def test_what_is_packaged_has_the_kind_and_none_of_the_values_of_tests(tmp_path: Path):
    helm("package", str(CHART), f"--destination={tmp_path}")
    (package,) = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"crds/akidjobs.akid.dev.yaml", "values.schema.json", "files/dashboard.json", "README.md"} <= names
    assert not any(name.startswith("ci/") for name in names)
    assert helm("show", "crds", str(package)) == helm("show", "crds", str(CHART))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "looks after all namespaces."),
        ({"watchNamespaces": ["lab", "ml"]}, "kubectl apply -f examples/jobs/digits.yaml -n lab"),
        ({"glusterfs": {"enabled": True}}, "The GlusterFS driver permits nothing yet: set glusterfs.rules."),
        (
            {"jobs": {"image": "example/trainer:1"}},
            "Trainers run example/trainer:1 unless a job names another image.",
        ),
    ],
    ids=["by default", "namespaced", "no rules", "image"],
)
def test_the_notes_say_what_to_do_next(values: dict[str, Any], told: str):
    chosen = ["--dry-run=client", "--values=-", "--namespace=ops"]
    notes = helm("install", "akid", str(CHART), *chosen, stdin=json.dumps(values)).partition("NOTES:")[2]
    assert told in " ".join(notes.split())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_server_would_take_all_of_it(case: Path, akid_cluster: Cluster):
    for namespace in ("ops", "lab", "ml"):
        if akid_cluster.admin.find(f"/api/v1/namespaces/{namespace}") is None:
            akid_cluster.admin.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    made = rendered(case.name.removesuffix("-values.yaml"))
    text = yaml.safe_dump_all(manifest for manifest in made if manifest["kind"] not in UNSERVED)
    told = akid_cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    assert len(told.splitlines()) == sum(manifest["kind"] not in UNSERVED for manifest in made)


def test_somebody_with_rights_to_some_namespaces_only_can_install_it():
    homes = {manifest["metadata"].get("namespace") for manifest in rendered("namespaced")}
    assert homes == {"ops", "lab", "ml"}
    assert given("namespaced").namespaces == {"lab", "ml"}


def test_the_defaults_of_the_chart_are_those_of_the_operator():
    by_hand, by_chart = options([])[0], given("default")
    assert by_chart.timing == by_hand.timing
    assert (by_chart.resync, by_chart.progress_rate, by_chart.port) == (
        by_hand.resync, by_hand.progress_rate, by_hand.port,
    )  # fmt: skip
    assert (
        by_chart.pods.image == f"akid-trainer:{yaml.safe_load((CHART / 'Chart.yaml').read_text())['appVersion']}"
    )
    assert "hostPath" not in by_chart.pods.allowed_volumes


def test_every_value_reaches_the_operator():
    found = given("everything")
    assert (found.timing.lease, found.progress_rate, found.resync, found.port) == (7.5, 0.5, 60, 9090)
    assert (found.host, found.pods.image_pull_secrets) == ("::", ("registry",))
    assert found.pods.image == "registry.example.com/ml/trainer:1.2-gpu"
    assert found.pods.env == {
        "HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8,.svc", "TF_CPP_MIN_LOG_LEVEL": "2",
    }  # fmt: skip
    assert found.pods.allowed_volumes == {"csi", "persistentVolumeClaim"}
    assert given("default").pods.status_peers is None
    own, other = found.pods.status_peers or ()
    assert own["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "ops"}
    labels = named("everything", "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert own["podSelector"]["matchLabels"].items() <= labels.items()
    assert other["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}


def test_an_image_is_named_by_registry_and_tag_or_in_full():
    def image(kind: str, name: str) -> str:
        return named("everything", kind, name)["spec"]["template"]["spec"]["containers"][0]["image"]

    assert image("Deployment", "akid-operator") == "registry.example.com/ml/akid-operator:1.2"
    assert image("DaemonSet", "akid-gluster-csi").startswith("registry.example.com/storage/gluster-csi@sha256:")


def test_what_may_be_mounted_is_what_the_values_say():
    rules = yaml.safe_load((CHART / "ci/everything-values.yaml").read_text())["glusterfs"]["rules"]
    allow = named("everything", "ConfigMap", "akid-gluster-csi")["data"]["allow.json"]
    assert json.loads(allow) == {"rules": rules}


def test_the_driver_understands_its_arguments_and_its_rules():
    (container,) = named("everything", "DaemonSet", "akid-gluster-csi")["spec"]["template"]["spec"]["containers"]
    found = driver_parser().parse_args(container["args"])
    assert found.driver_name == named("everything", "CSIDriver", "gluster.csi.akid.dev")["metadata"]["name"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    kubelet = Path(mounts["kubelet"]["mountPath"])
    assert mounts["kubelet"]["mountPropagation"] == "Bidirectional"
    assert all(Path(path).is_relative_to(kubelet) for path in (found.endpoint, found.registration, found.state))
    assert found.allow == Path(mounts["allow"]["mountPath"], "allow.json")
    first, _ = allow.parsed(named("everything", "ConfigMap", "akid-gluster-csi")["data"]["allow.json"])
    assert (first.namespaces, first.paths) == (("ml",), (("${namespace}",),))


def test_the_operator_is_let_out_to_the_server_to_names_and_to_chiefs_only():
    policy = named("everything", "NetworkPolicy")["spec"]
    server, names, chiefs = policy["egress"]
    assert [port["port"] for port in server["ports"]] == [443, 6443]
    assert {(port["protocol"], port["port"]) for port in names["ports"]} == {("UDP", 53), ("TCP", 53)}
    (peer,) = chiefs["to"]
    assert peer["podSelector"]["matchExpressions"] == [{"key": "akid.dev/chief", "operator": "Exists"}]
    assert policy["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    assert named("default", "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress"]


def test_prometheus_is_led_to_the_metrics():
    monitor, service = named("everything", "ServiceMonitor")["spec"], named("everything", "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [endpoint["port"] for endpoint in monitor["endpoints"]] == ["metrics"]
    pods = named("everything", "Deployment")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pods["metadata"]["labels"].items()
    (port,) = pods["spec"]["containers"][0]["ports"]
    assert (port["name"], port["containerPort"]) == (service["spec"]["ports"][0]["targetPort"], 9090)


def test_the_dashboard_shows_figures_that_there_are():
    board = named("everything", "ConfigMap", "akid-operator-dashboard")["data"]["akid-operator.json"]
    asked = [target["expr"] for panel in json.loads(board)["panels"] for target in panel["targets"]]
    metrics = Metrics()
    metrics.watch(Store(), lambda: 0, lambda: None)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", metrics.text().decode(), re.MULTILINE))
    parts = {"histogram": ("_bucket", "_count", "_sum")}
    known = {name + part for name, kind in kinds.items() for part in parts.get(kind, ("",))}
    shown = {name for expression in asked for name in re.findall(r"\b(\w+)\{", expression)}
    assert shown <= known
    own = {name for name, kind in kinds.items() if name.startswith("akid") and not name.endswith("_created")}
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in shown} >= own


def keys(schema: dict[str, Any], values: dict[str, Any], path: str = "") -> list[str]:
    """Where values and schema do not have the same fields."""
    fields = schema.get("properties", {}).keys() - {"global"}
    found = [f"{path}.{name}" for name in fields ^ values.keys()]
    for name in fields & values.keys():
        inner = schema["properties"][name]
        if "properties" in inner:
            found += keys(inner, values[name], f"{path}.{name}")
    return found


def test_the_schema_knows_every_value_and_no_other():
    assert keys(SCHEMA, VALUES) == []


def test_the_values_fit_on_two_pages():
    assert len((CHART / "values.yaml").read_text().splitlines()) <= 120


def test_the_readme_tells_of_every_value():
    place = REPOSITORY / "scripts" / "chart_readme.py"
    spec = importlib.util.spec_from_file_location("chart_readme", place)
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text, page = (CHART / "values.yaml").read_text(), (CHART / "README.md").read_text()
    assert page == script.readme(page, text), "run `make chart`"
    said = script.told(text)
    assert [path for path, _ in script.leaves(VALUES, said) if path not in said] == []
