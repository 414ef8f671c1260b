"""How the members of a job find each other: TF_CONFIG and the environment.

`chief` is never called `master`. The evaluator is in the cluster specification of its own only: TensorFlow
hangs (waiting for it as for a worker) if the others see it, and refuses to start if it does not see itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from akid.job.api.engine import RoleName
from akid.job.api.job import AkidJob
from akid.job.members import Member, chief_of, members_of

# The roles everybody sees.
TRAINING = (RoleName.CHIEF, RoleName.WORKER, RoleName.PS)
Address = Callable[[Member], str]


@dataclass(frozen=True)
class Place:
    """Where the members of a job run: what of their environment is not the job's.

    Args:
        cluster: addresses (`host:port`) by role, the evaluator's too.
        kid_file: file that holds the kid.
        data_path: directory of the data sets; empty for the user's own.
        log_dir: the run directory.
        rendezvous: `host:port` of the rendezvous; empty if there is none.
        token_file: file that holds the rendezvous' token; empty if there is none.
    """

    cluster: Mapping[str, list[str]]
    kid_file: str
    data_path: str
    log_dir: str
    rendezvous: str = ""
    token_file: str = ""

    def seen_by(self, role: RoleName) -> str:
        """The cluster as a role sees it, as JSON. It is long: of all members of a role it is one and the same."""
        return self._seen[role]

    @cached_property
    def _seen(self) -> dict[RoleName, str]:
        return {role: self._encoded(role) for role in RoleName}

    def _encoded(self, role: RoleName) -> str:
        seen = {name: hosts for name, hosts in self.cluster.items() if name in (role, *TRAINING)}
        return json.dumps(seen, separators=(",", ":"))


def addresses(job: AkidJob, address: Address) -> dict[str, list[str]]:
    """The addresses of all members by role."""
    result: dict[str, list[str]] = {}
    for member in members_of(job):
        result.setdefault(member.role.value, []).append(address(member))
    return result


def tf_config(job: AkidJob, member: Member, place: Place) -> str:
    """A member's TF_CONFIG; empty for engines of one process."""
    if not job.spec.engine.distributed:
        return ""
    return f'{{"cluster":{place.seen_by(member.role)},"task":{{"type":"{member.role}","index":{member.index}}}}}'


def environment(job: AkidJob, member: Member, attempt: int, place: Place) -> dict[str, str]:
    """A member's environment, without what is empty."""
    engine = job.spec.engine
    values = {
        "AKID_JOB_NAME": job.metadata.name,
        "AKID_ENGINE": engine.name,
        "AKID_ROLE": member.role.value,
        "AKID_INDEX": str(member.index),
        "AKID_ATTEMPT": str(attempt),
        "AKID_IS_CHIEF": "1" if member == chief_of(job) else "0",
        "AKID_MEMBERS": str(engine.size),
        "AKID_MIN_WORKERS": str(engine.min_workers or ""),
        "AKID_KID": place.kid_file,
        "AKID_DATA_PATH": place.data_path,
        "AKID_LOG_DIR": place.log_dir,
        "AKID_RENDEZVOUS": place.rendezvous,
        "AKID_RENDEZVOUS_TOKEN_FILE": place.token_file,
        "TF_CONFIG": tf_config(job, member, place),
    }
    return {name: value for name, value in values.items() if value}


def command() -> list[str]:
    """What a member runs if its template does not say: akid's trainer."""
    return ["python", "-m", "akid", "train"]
