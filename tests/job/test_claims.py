"""Whether the pods of a job can share a claim that is there."""

from __future__ import annotations

from typing import Any

import pytest
from job.manifests import job

from akid.job.objects.claims import claim_problem, shared_claims

TWO = {"name": "multi_worker", "workers": 2}


def claim(*modes: str, bound: tuple[str, ...] = ()) -> dict[str, Any]:
    """A claim that asks for modes, and is bound to a volume with others."""
    return {"spec": {"accessModes": list(modes)}, "status": {"accessModes": list(bound)} if bound else {}}


@pytest.mark.parametrize(
    ("volume", "found", "fits"),
    [
        ("log", claim("ReadWriteMany"), True),
        ("log", claim("ReadWriteOnce"), False),
        ("log", claim("ReadWriteOncePod"), False),
        ("log", claim("ReadOnlyMany"), False),
        ("data", claim("ReadOnlyMany"), True),
        ("data", claim("ReadWriteOnce", "ReadWriteMany"), True),
        ("data", claim("ReadWriteOnce", bound=("ReadWriteOnce", "ReadWriteMany")), True),
        ("data", claim("ReadWriteOnce", bound=("ReadWriteOnce",)), False),
        ("data", {}, True),
    ],
)
def test_several_pods_need_a_claim_for_several_nodes(volume: str, found: dict[str, Any], fits: bool):
    several = job(engine=TWO, volumes={volume: {"claimName": "sets"}})
    assert (claim_problem(several, {"sets": found}) == "") is fits
    assert claim_problem(job(volumes={volume: {"claimName": "sets"}}), {"sets": found}) == ""


def test_the_reason_names_the_claim_and_its_modes():
    several = job(engine=TWO, volumes={"log": {"claimName": "runs"}})
    assert claim_problem(several, {"runs": claim("ReadWriteOnce")}) == (
        "spec.volumes.log.claimName: the 2 pods of the job may run on several nodes, "
        "and the claim 'runs' is for one. Expected ReadWriteMany. Received: ReadWriteOnce."
    )


def test_a_claim_that_is_not_there_is_the_schedulers_affair():
    several = job(engine=TWO, volumes={"log": {"claimName": "runs"}, "data": {"emptyDir": {}}})
    assert shared_claims(several) == {"spec.volumes.log": "runs"}
    assert claim_problem(several, {}) == ""
