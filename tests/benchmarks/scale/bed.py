"""A control plane and an operator beside it, with the processor time and memory each takes."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from chart import collection, render
from cluster.control import CORE, Cluster
from cluster.processes import Identity
from cluster.waiting import wait_for
from replicas import Operator

REPOSITORY = Path(__file__).parents[3]
CRD = REPOSITORY / "crds/akidjobs.akid.dev.yaml"
OPERATORS = "akid-system"
#: Each takes 1,000 pods.
NODES = 14
TICKS = os.sysconf("SC_CLK_TCK")


class Bed:
    """A control plane with AkidJobs and the rights of the operator; use as a context manager."""

    def __init__(self) -> None:
        # Nodes are given up as late as on any cluster: to look after them more closely costs processor time.
        self.cluster = Cluster(node_count=NODES, node_grace_seconds=50)
        self._directory = Path(tempfile.mkdtemp(prefix="akid-bench-"))
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        self.cluster.__enter__()
        try:
            self.cluster.kubectl("apply", "-f", str(CRD))
            wait_for(self.cluster.serves_akidjobs, "AkidJobs are served")
            self.cluster.admin.create(f"{CORE}/namespaces", {"metadata": {"name": OPERATORS}})
            for manifest in render("rbac.yaml", OPERATORS):
                self.cluster.admin.create(collection(manifest), manifest)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.cluster.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    @contextmanager
    def operator(self, *arguments: str) -> Iterator[Operator]:
        """A replica as a user would run it: cluster-wide, with an election, with the chart's rights."""
        log = self._directory / "operator.log"
        with self.starting(*arguments) as running:
            yield running.ready(120)
            running.end()
            log.unlink(missing_ok=True)

    @contextmanager
    def starting(self, *arguments: str) -> Iterator[Operator]:
        """The same, from the moment its process is there."""
        kubeconfig = self.cluster.kubeconfig_as(OPERATORS, "akid-operator")
        log = self._directory / "operator.log"
        with Operator(kubeconfig, log, f"--lease-namespace={OPERATORS}", *arguments) as running:
            yield running

    def control_plane_seconds(self) -> float:
        """Processor time of the control plane so far: all of it but kwok, which plays the nodes."""
        return sum(
            cpu_seconds(process.identity) for name, process in self.cluster.processes.items() if name != "kwok"
        )

    def namespace(self) -> str:
        """A new namespace. It stays: the control plane goes as a whole."""
        name = f"bench-{next(self._numbers)}"
        self.cluster.admin.create(f"{CORE}/namespaces", {"metadata": {"name": name}})
        wait_for(lambda: self.cluster.service_account_exists(name), f"the service account of {name}")
        return name


class Usage(NamedTuple):
    """What the work of a while took, in seconds of processor time, and the operator's writes."""

    operator: float
    control_plane: float
    writes: int


class Meter:
    """Reads what is used from its making on."""

    def __init__(self, bed: Bed, operator: Operator | None) -> None:
        self._bed = bed
        self._operator = operator
        self._before = self._now()

    def read(self) -> Usage:
        """What was used until now."""
        return Usage(*(now - before for now, before in zip(self._now(), self._before, strict=True)))

    def _now(self) -> Usage:
        control = self._bed.control_plane_seconds()
        if self._operator is None:
            return Usage(0.0, control, 0)
        return Usage(cpu_seconds(self._operator.identity), control, writes(self._operator))


def cpu_seconds(process: Identity) -> float:
    """Processor time of a process, user and system."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_megabytes(process: Identity) -> float:
    """Resident memory of a process, in MB (1e6 bytes, as `top` and the API server count)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kilobytes * 1024 / 1e6


def writes(operator: Operator) -> int:
    """Writes the operator has sent, by its own account, but for those of its lease."""
    total = 0.0
    for line in operator.get("/metrics").splitlines():
        if line.startswith("akid_operator_api_request_seconds_count{") and 'verb="GET"' not in line:
            total += 0.0 if 'kind="leases"' in line else float(line.split()[-1])
    return round(total)
