"""docs/operations.md: its commands, in their order, on a control plane; its values; the reasons it explains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from akid_operator.serve.metrics import Metrics
from akid_operator.work.store import Store
from chart import CHART, render
from cluster.control import Cluster
from docs.fences import ROOT, fences_in
from installation import LAB, started, typed
from jobs import Jobs, job

from akid.job import CreateFailureReason

pytestmark = pytest.mark.cluster
PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text()


def blocks(language: str) -> list[str]:
    """The code of the page in a language."""
    return [fence.code for fence in fences_in(PAGE) if fence.language == language]


def test_the_commands_lead_from_nothing_to_a_job_through_an_upgrade_to_the_end(tmp_path: Path) -> None:
    install, use, upgrade, uninstall = blocks("sh")
    with Cluster(job_seconds=2) as cluster:
        jobs = Jobs(cluster, LAB)
        assert "STATUS: deployed" in typed(cluster, tmp_path, install)
        with started(cluster, tmp_path / "log") as operator:
            operator.ready()
            told = typed(cluster, tmp_path, use)
            jobs.create(job("long", plays={"run-for": "1h"}))
            jobs.reach("Running", "long")
        assert "akidjob.akid.dev/digits condition met" in told
        assert re.search(r"Normal +Running", told)
        pods = jobs.pods("long")
        told = typed(cluster, tmp_path, upgrade)
        assert "akidjobs.akid.dev replaced" in told
        assert "Rollback was a success" in told
        assert re.search(r"lab +long .*Running", typed(cluster, tmp_path, uninstall))
        left = jobs.pods("long")
        assert {name: pod["metadata"]["uid"] for name, pod in left.items()} == {
            name: pod["metadata"]["uid"] for name, pod in pods.items()
        }


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.partition(":")[0])
def test_the_values_it_shows_are_the_charts(block: str):
    assert render("", "ops", **yaml.safe_load(block)) != render("", "ops")


def told_by_the_planner() -> set[str]:
    """The reasons for which a job fails or waits, as they stand in the planner."""
    planner = "".join(path.read_text() for path in (ROOT / "akid/job").rglob("*.py"))
    forms = (r'\bWait\(\s*"(\w+)"', r'view, "Failed", "(\w+)"', r'"(?:Queued|Failed)", True, "(\w+)"',
             r'restart\(view, "(\w+)"', r'return "(InvalidKid)"', r'NOT_SET_UP = "(\w+)"')  # fmt: skip
    return {reason for form in forms for reason in re.findall(form, planner)}


def test_every_reason_a_job_may_give_is_explained():
    explained = set(re.findall(r"`([A-Z]\w+)`", TEXT))
    assert told_by_the_planner() | {reason.value for reason in CreateFailureReason} <= explained


def test_the_alarms_are_about_figures_that_there_are():
    metrics = Metrics()
    metrics.watch(Store(), lambda: 0, lambda: None)
    known = set(re.findall(r"^# TYPE (\S+) ", metrics.text().decode(), re.MULTILINE))
    named = {re.sub("_bucket$", "", name) for name in re.findall(r"akid_\w+", TEXT) if "operator`" not in name}
    assert named - {"akid_operator", "akid_csi"} <= known


def test_the_log_says_what_the_page_quotes():
    assert "there are no AkidJobs; waiting" in TEXT
    process = (ROOT / "operator/akid_operator/serve/process.py").read_text()
    assert "there are no AkidJobs; waiting" in process
    assert (CHART / "crds").is_dir()
