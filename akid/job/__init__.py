"""AkidJob: the manifest and all that is decided from it. Pure: no TensorFlow, no kopf, no I/O at import.

`load` and `parse` read a manifest; `plan` says what to do for a job, `orphans` for pods of none; `decide` parses
and plans what a server holds, and turns what is to be made into manifests; `member_state` and `gang_state` read
what the server shows.
"""

from akid.job.api.job import AkidJob
from akid.job.decide import Decision, decide
from akid.job.manifest.load import load, load_mapping, parse
from akid.job.manifest.problems import InvalidManifestError
from akid.job.members import Create, GangState, Member, MemberState, Phase
from akid.job.names import ObjectRole
from akid.job.objects.observe import gang_state, member_state
from akid.job.objects.pods import PodDefaults
from akid.job.planner.interface import (
    CreateFailure,
    CreateFailureReason,
    Delete,
    Event,
    Observed,
    Plan,
    Suspend,
)
from akid.job.planner.plan import plan
from akid.job.planner.removal import orphans

__all__ = [
    "AkidJob",
    "Create",
    "CreateFailure",
    "CreateFailureReason",
    "Decision",
    "Delete",
    "Event",
    "GangState",
    "InvalidManifestError",
    "Member",
    "MemberState",
    "ObjectRole",
    "Observed",
    "Phase",
    "Plan",
    "PodDefaults",
    "Suspend",
    "decide",
    "gang_state",
    "load",
    "load_mapping",
    "member_state",
    "orphans",
    "parse",
    "plan",
]
