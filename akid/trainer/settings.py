"""What a supervisor is told by the environment, and where it finds a port."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from akid.trainer.ports import free_port
from akid.trainer.watchdog import LEAST

#: Ports for training processes in a pod, a new one each generation: its address is its own.
POD_PORTS = range(2222, 2286)
#: Seconds that enough members of an elastic job wait for the others, unless $AKID_ELASTIC_GRACE_SECONDS says
#: otherwise: a pod is replaced in less, if there is room for it.
GRACE = 10.0


@dataclass(frozen=True)
class Settings:
    """A member of a job.

    Args:
        member: such as ``worker-1``.
        members: all that meet, the chief first; empty if it trains alone.
        is_chief: whether the rendezvous is held here.
        attempt: of the job.
        rendezvous: ``host:port``.
        rendezvous_number: the number of that host, if it is known without a name server.
        token: of the job.
        host: this member's own address.
        metrics_port: of `/metrics` and `/status`; 0 for none.
        termination_log: file for the last error; empty for none.
        in_place: whether training processes are started again.
        tf_config: as it was given.
        log_dir: the run directory; empty if none is given.
        least: members that an elastic job needs; 0 if it needs all.
        grace: seconds that so many wait for the others.
        hang: seconds without a step that are a hang, 0 for none; see `akid.trainer.watchdog`.
    """

    member: str
    members: tuple[str, ...]
    is_chief: bool
    attempt: int
    rendezvous: str
    token: str
    host: str
    metrics_port: int
    termination_log: str
    in_place: bool
    tf_config: Mapping[str, object]
    log_dir: str = ""
    least: int = 0
    grace: float = GRACE
    hang: float = LEAST
    rendezvous_number: str = ""

    @property
    def spare(self) -> frozenset[str]:
        """The members the others can do without for a while: the workers of parameter servers."""
        served = any(member.startswith("ps-") for member in self.members)
        return frozenset(member for member in self.members if served and member.startswith("worker-"))

    @property
    def serves(self) -> bool:
        """Whether this member only serves the chief, and cannot know when that is done."""
        return bool(self.spare) and self.member.startswith(("worker-", "ps-"))


def settings_of(env: Mapping[str, str] = os.environ) -> Settings:
    """The settings in an environment; see `akid.job.objects.tf_config.environment`."""
    config = json.loads(env.get("TF_CONFIG") or "{}")
    task = config.get("task", {"type": env.get("AKID_ROLE", "worker"), "index": int(env.get("AKID_INDEX", "0"))})
    cluster: dict[str, list[str]] = config.get("cluster", {})
    rendezvous = "" if task["type"] == "evaluator" else env.get("AKID_RENDEZVOUS", "")
    names = [f"{role}-{i}" for role in sorted(cluster, key=_chief_first) for i in range(len(cluster[role]))]
    file = env.get("AKID_RENDEZVOUS_TOKEN_FILE", "")
    log = env.get("AKID_TERMINATION_LOG", "/dev/termination-log")
    return Settings(
        member=f"{task['type']}-{task['index']}",
        members=tuple(names) if rendezvous else (),
        is_chief=env.get("AKID_IS_CHIEF", "1") == "1",
        attempt=int(env.get("AKID_ATTEMPT", "0")),
        rendezvous=rendezvous,
        token=Path(file).read_text(encoding="utf-8").strip() if file else "",
        host=env.get("AKID_POD_IP", "127.0.0.1"),
        metrics_port=int(env.get("AKID_METRICS_PORT") or 0),
        termination_log=log if os.path.exists(log) or "AKID_TERMINATION_LOG" in env else "",
        in_place=bool(env.get("AKID_RENDEZVOUS")) or env.get("AKID_MEMBERS", "1") == "1",
        tf_config=config,
        log_dir=env.get("AKID_LOG_DIR", ""),
        least=int(env.get("AKID_MIN_WORKERS") or 0),
        grace=float(env.get("AKID_ELASTIC_GRACE_SECONDS") or GRACE),
        hang=float(env.get("AKID_HANG_SECONDS") or LEAST),
        rendezvous_number=_service_host(rendezvous, env),
    )


def _service_host(address: str, env: Mapping[str, str]) -> str:
    """What a kubelet tells of the Service at an address; empty if it does not."""
    name = address.rpartition(":")[0]
    return env.get(f"{name.upper().replace('-', '_')}_SERVICE_HOST", "")


def generation_config(settings: Settings, addresses: Mapping[str, str]) -> str:
    """TF_CONFIG of a generation: the cluster of those that are in it, and this member's place among them.

    Args:
        settings: of the member.
        addresses: by member, in order.
    """
    cluster: dict[str, list[str]] = {}
    task: dict[str, object] = {}
    for member, address in addresses.items():
        role = member.rpartition("-")[0]
        if member == settings.member:
            task = {"type": role, "index": len(cluster.get(role, ()))}
        cluster.setdefault(role, []).append(address)
    return json.dumps({**settings.tf_config, "cluster": cluster, "task": task}, separators=(",", ":"))


def next_address(settings: Settings, joined: int) -> str:
    """An address that no earlier training process of this member had.

    Args:
        settings: of the member.
        joined: how often it joined before.
    """
    if settings.host == "127.0.0.1":
        return f"{settings.host}:{free_port()}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{POD_PORTS[joined % len(POD_PORTS)]}"


def _chief_first(role: str) -> tuple[bool, bool, str]:
    return role != "chief", role != "worker", role
