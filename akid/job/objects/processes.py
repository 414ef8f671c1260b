"""A member as a process of this machine: what `pods.py` makes a Pod of, without the container around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from akid.errors import InvalidSpecError
from akid.job.api.job import AkidJob
from akid.job.members import Member
from akid.job.objects.pods import GRACE_SECONDS, has_rendezvous, runs_akid, trainer_of
from akid.job.objects.tf_config import Place, addresses, command, environment

HOST = "127.0.0.1"
# $$ stands for $, $(NAME) for a variable; as a kubelet reads command, args and env.
_REFERENCE = re.compile(r"\$\$|\$\(([^()]+)\)")


@dataclass(frozen=True)
class ProcessSpec:
    """What to start for a member.

    Args:
        argv: program and arguments.
        env: added to the environment of whoever starts it.
        working_dir: where it runs; empty for where its starter runs.
        grace: seconds between SIGTERM and SIGKILL.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    working_dir: str
    grace: float


def place_here(
    job: AkidJob, port: Callable[[Member], int], rendezvous: int, files: Mapping[str, str], log_dir: str
) -> Place:
    """Where members run on this machine.

    Args:
        job: the job.
        port: a member's port in TF_CONFIG.
        rendezvous: the port of the rendezvous.
        files: paths of ``kid``, ``token`` and (the data sets') ``data``.
        log_dir: the run directory.
    """
    meets = has_rendezvous(job)
    return Place(
        cluster=addresses(job, lambda member: f"{HOST}:{port(member)}"),
        kid_file=files["kid"],
        data_path=files.get("data", ""),
        log_dir=log_dir,
        rendezvous=f"{HOST}:{rendezvous}" if meets else "",
        token_file=files["token"] if meets else "",
    )


def process_of(
    job: AkidJob, member: Member, attempt: int, place: Place, python: str, cpus: int = 0
) -> ProcessSpec:
    """The process of a member.

    Args:
        job: the job.
        member: which member.
        attempt: the attempt it is made for.
        place: see `place_here`.
        python: the interpreter that has akid.
        cpus: processors it may use; 0 for all.

    Raises:
        InvalidSpecError: the template asks for what only a cluster has.
    """
    spec: dict[str, Any] = job.spec.template_of(member.role).to_json().get("spec", {})
    container = trainer_of(spec)
    env = {
        **environment(job, member, attempt, place),
        "AKID_POD_IP": HOST,
        **({"AKID_CPUS": str(cpus)} if cpus else {}),
    }
    for number, entry in enumerate(container.get("env", [])):
        env[entry.get("name", "")] = _expanded(_value(entry, number), env)
    akid = [python, *command()[1:]]
    argv = akid if runs_akid(container) else [*container.get("command", akid), *container.get("args", [])]
    return ProcessSpec(
        argv=tuple(_expanded(str(part), env) for part in argv),
        env=env,
        working_dir=str(container.get("workingDir", "")),
        grace=float(spec.get("terminationGracePeriodSeconds", GRACE_SECONDS)),
    )


def check_processes(job: AkidJob) -> None:
    """See that every member of a job can be a process of this machine.

    Raises:
        InvalidSpecError: one cannot.
    """
    if job.spec.run_policy.suspend:
        raise InvalidSpecError("spec.runPolicy.suspend", "a suspended job does not run, expected false.")
    place = place_here(job, lambda _: 1, 1, {"kid": "kid", "token": "token"}, "log")
    for role, index in job.spec.engine.members():
        process_of(job, Member(role, index), 0, place, "python")


def _value(entry: Mapping[str, Any], number: int) -> str:
    if "valueFrom" in entry:
        path = f"the template's env[{number}] ({entry.get('name', '')}).valueFrom"
        raise InvalidSpecError(path, "only a cluster has it; expected a plain value.")
    return str(entry.get("value", ""))


def _expanded(text: str, env: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda m: "$" if m[1] is None else env.get(m[1], m[0]), text)
