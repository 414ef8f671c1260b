"""Where a kid trains: the engine, and the members (roles and numbers) it needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from akid.job.api.base import Model, refuse

EngineName = Literal["single", "data_parallel", "multi_worker", "parameter_server"]
MAX_MEMBERS = 1000


class RoleName(StrEnum):
    """The roles of TensorFlow's cluster specification."""

    CHIEF = "chief"
    WORKER = "worker"
    PS = "ps"
    EVALUATOR = "evaluator"


class Engine(Model):
    """The engine and its size."""

    name: EngineName = Field(
        default="single",
        description=(
            "single: one device; data_parallel: one process, several GPUs; multi_worker: several "
            "synchronous workers; parameter_server: a chief, workers and parameter servers."
        ),
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=MAX_MEMBERS,
        description=(
            "Workers in all; multi_worker counts its chief (worker-0), parameter_server does not. "
            "May be changed while a multi_worker job runs: with minWorkers the others go on at their step, "
            "without it all are replaced and go on from the last checkpoint."
        ),
    )
    min_workers: int | None = Field(
        default=None,
        ge=1,
        le=MAX_MEMBERS,
        description=(
            "Makes multi_worker elastic: it trains with those workers that are there, the chief and so many "
            "in all at least; others join while it trains."
        ),
    )
    gpus_per_worker: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="GPUs (nvidia.com/gpu) of each chief, worker and evaluator.",
    )
    num_gpu: int | None = Field(
        default=None,
        ge=0,
        le=64,
        alias="num_gpu",
        description="Another name of gpusPerWorker, for data_parallel.",
    )
    devices: Literal["gpu", "cpu"] | None = Field(
        default=None,
        description="What data_parallel learns on, by default gpu; cpu: logical devices of it, to try things out.",
    )
    compression: Literal["float16"] | None = Field(
        default=None,
        description="How gradients of multi_worker travel between its workers; as they are by default.",
    )
    parameter_servers: int | None = Field(
        default=None,
        ge=1,
        le=MAX_MEMBERS,
        description="Parameter servers of parameter_server; by default 1.",
    )
    evaluator: bool = Field(
        default=False,
        description="Whether parameter_server has an evaluator that follows the checkpoints.",
    )

    @model_validator(mode="after")
    def _fits_the_engine(self) -> Self:
        ps, both = self.name == "parameter_server", (self.gpus_per_worker, self.num_gpu)
        servers = self.workers + (self.parameter_servers or 1)
        only = "only the engine {} has it, received engine " + self.name + "."
        alone = f"engine {self.name} has one worker, received {self.workers}. Use multi_worker for several."
        differ = f"is another name of gpusPerWorker, and they differ: received {both[1]} and {both[0]}."
        refuse(
            (self.workers > 1 and not self.distributed, "workers", alone),
            (bool(self.parameter_servers) and not ps, "parameterServers", only.format("parameter_server")),
            (self.evaluator and not ps, "evaluator", only.format("parameter_server")),
            (self.elastic and self.name != "multi_worker", "minWorkers", only.format("multi_worker")),
            ((self.min_workers or 0) > self.workers, "workers",
             f"expected at least minWorkers, which is {self.min_workers}, received {self.workers}."),
            (ps and servers > MAX_MEMBERS, "workers", f"expected at most {MAX_MEMBERS} workers and "
             f"parameter servers in all, received {servers}."),
            (self.num_gpu is not None and self.name != "data_parallel", "num_gpu",
             only.format("data_parallel") + " Use gpusPerWorker."),
            (self.devices is not None and self.name != "data_parallel", "devices", only.format("data_parallel")),
            (self.compression is not None and self.name != "multi_worker", "compression",
             only.format("multi_worker")),
            (None not in both and both[0] != both[1], "num_gpu", differ),
        )  # fmt: skip
        return self

    @property
    def gpus(self) -> int:
        """GPUs of each chief, worker and evaluator."""
        return self.gpus_per_worker or self.num_gpu or 0

    @property
    def elastic(self) -> bool:
        """Whether it trains with those workers that are there."""
        return self.min_workers is not None

    @property
    def distributed(self) -> bool:
        """Whether its processes find each other by TF_CONFIG."""
        return self.name in ("multi_worker", "parameter_server")

    @property
    def chief(self) -> tuple[RoleName, int]:
        """Role and index of the member that writes checkpoints."""
        return (RoleName.CHIEF if self.name == "parameter_server" else RoleName.WORKER, 0)

    def members(self) -> list[tuple[RoleName, int]]:
        """(role, index) of every member, the chief first."""
        return [(role, index) for role, number in self.counts.items() for index in range(number)]

    @property
    def counts(self) -> dict[RoleName, int]:
        """Number of members by role, the chief's role first."""
        if self.name != "parameter_server":
            return {RoleName.WORKER: self.workers}
        return {
            RoleName.CHIEF: 1,
            RoleName.WORKER: self.workers,
            RoleName.PS: self.parameter_servers or 1,
            RoleName.EVALUATOR: int(self.evaluator),
        }

    @property
    def size(self) -> int:
        """Number of members."""
        return sum(self.counts.values())
