"""A job's whole life on a real control plane."""

from __future__ import annotations

import pytest
from hosted import Hosted
from jobs import Jobs, example, played

pytestmark = pytest.mark.cluster


def test_the_example_goes_from_created_to_succeeded(jobs: Jobs, hosted: Hosted) -> None:
    manifest = example("digits.yaml")
    manifest["spec"] |= {
        "image": "example/trainer:1",
        "template": {"metadata": {"annotations": played({"run-for": "1s"})}},
    }
    jobs.create(manifest)
    jobs.reach("Running")
    assert jobs.phases() == {"digits-worker-0": "Running"}
    status = jobs.reach("Succeeded")
    assert status["completionTime"]
    assert jobs.phases() == {"digits-worker-0": "Succeeded"}
    assert jobs.reasons() == ["Created", "Running", "Succeeded"]
