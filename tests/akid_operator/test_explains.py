"""What a person sees with kubectl: the one line that says why, within seconds, and the story in its order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from cluster.waiting import wait_for
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster

# A promise to the user, from the cause to the line.
SECONDS = 5.0
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}


def line(jobs: Jobs) -> str:
    """The REASON of the job, as a person reads it."""
    table = jobs.cluster.kubectl("get", "akidjobs", "digits", f"--namespace={jobs.namespace}").splitlines()
    return table[1][table[0].index("REASON") :].strip()


@pytest.mark.serial
@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (job(engine={"name": "single", "gpusPerWorker": 9}), ("Unschedulable: ", "Insufficient nvidia.com/gpu")),
        (job(plays={"start": "image-error"}), ("ImagePullBackOff: ", 'image "example/trainer:1"')),
        (job(plays={"run-for": "1ms", "exit-code": "1", "message": "Traceback\nValueError: last"}),
         ("PodFailed: ", "digits-worker-0 exit code 1: ValueError: last")),
        (job(plays={"run-for": "1ms", "exit-code": "137", "reason": "OOMKilled"}, policy={"maxRestarts": 0}),
         ("RestartLimitExceeded: ", "exit code 137 (OOMKilled)")),
        (job(template={"spec": {"containers": [{"name": "trainer", "resources": {"limits": {"cpu": "a lot"}}}]}}),
         ("InvalidTemplate: ", "quantities must match")),
    ],
    ids=["unschedulable", "image", "failed", "killed", "template"],
)  # fmt: skip
def test_kubectl_get_says_why_within_five_seconds(
    jobs: Jobs, hosted: Hosted, manifest: dict[str, Any], words: tuple[str, str]
) -> None:
    made = jobs.create(manifest)
    wait_for(lambda: all(word in line(jobs) for word in words), f"{words}: {jobs.status()}", 60)
    reason = words[0].removesuffix(": ")
    told = next(c["lastTransitionTime"] for c in jobs.status()["conditions"] if c["reason"] == reason)
    # By the server's clock; kubectl itself may take its time.
    wait = datetime.fromisoformat(told) - datetime.fromisoformat(made["metadata"]["creationTimestamp"])
    assert wait.total_seconds() <= SECONDS


def test_a_quota_is_told_and_the_line_goes_when_there_is_room(jobs: Jobs, hosted: Hosted) -> None:
    quotas = f"/api/v1/namespaces/{jobs.namespace}/resourcequotas"
    jobs.api.create(quotas, QUOTA)
    wait_for(lambda: jobs.api.get(f"{quotas}/none").get("status", {}).get("hard"), "the quota holds")
    jobs.create(job())
    wait_for(lambda: line(jobs).startswith("QuotaExceeded: "), "the quota is told")
    jobs.api.delete(f"{quotas}/none")
    jobs.reach("Running")
    assert line(jobs) == ""


def test_the_last_failure_has_all_that_is_known_of_it(jobs: Jobs, hosted: Hosted) -> None:
    plays = {"run-for": "1ms", "exit-code": "137", "reason": "OOMKilled", "message": "step 7"}
    jobs.create(job(plays=plays, policy={"maxRestarts": 0}))
    failure = jobs.reach("Failed")["lastFailure"]
    node = jobs.pods()["digits-worker-0"]["spec"]["nodeName"]
    assert failure == {
        "pod": "digits-worker-0", "node": node, "exitCode": 137, "reason": "OOMKilled", "message": "step 7",
    }  # fmt: skip


def test_kubectl_describe_tells_the_story_in_order(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine={"name": "multi_worker", "workers": 2}))
    jobs.reach("Running")
    jobs.annotate_pod("digits-worker-1", {"run-for": "1ms", "exit-code": "137"})
    wait_for(lambda: jobs.status().get("restarts") == 1, "it is counted")
    jobs.reach("Running")
    jobs.annotate_pod("digits-worker-0", {"run-for": "1ms", "exit-code": "0"})
    jobs.reach("Succeeded")
    story = ["Created", "Running", "Restarting", "Running", "Succeeded"]
    wait_for(lambda: jobs.reasons() == story, f"the story: {jobs.reasons()}")
    text = jobs.cluster.kubectl("describe", "akidjob", "digits", f"--namespace={jobs.namespace}")
    told = [row.split()[1] for row in text.partition("Events:")[2].splitlines()[3:] if row.strip()]
    assert told == story
