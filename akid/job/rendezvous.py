"""How the members of a job find each other: at a rendezvous, or by the names in TF_CONFIG."""

from __future__ import annotations

from akid.job.api.job import AkidJob
from akid.job.api.template import runs_akid, trainer_of


def has_rendezvous(job: AkidJob) -> bool:
    """Whether the members meet at a rendezvous: several of them, now or later, run by akid's trainer."""
    several = job.spec.engine.size > 1 or job.spec.engine.elastic
    return several and job.spec.run_policy.restart_strategy == "InPlace"


def needs_names(job: AkidJob) -> bool:
    """Whether the members must find each other by the names in TF_CONFIG: programs that read it themselves.

    Those of akid's trainer get addresses at the rendezvous. A Service for names is dear: its endpoints are written
    anew, in two forms, whenever a pod starts or ends (a fifth of the control plane's time for a job of four pods).
    """
    if not job.spec.engine.distributed or not has_rendezvous(job):
        return job.spec.engine.distributed
    specs = (job.spec.template_of(role).to_json().get("spec", {}) for role in job.spec.engine.counts)
    return not all(runs_akid(trainer_of(spec)) for spec in specs)
