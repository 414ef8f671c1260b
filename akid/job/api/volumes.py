"""The volumes of a job: where its data are read and its results written."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from akid.job.api.base import Model, one_of, refuse

Quantity = Annotated[
    str,
    Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?([eE][0-9]+|[kMGTPE]|[KMGTPE]i)?$"),
]
AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]
Subdomain = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class StorageRequests(Model):
    """What a claim asks for."""

    storage: Quantity = Field(description="Size, e.g. 10Gi.")


class ClaimResources(Model):
    """Resources of a claim."""

    requests: StorageRequests = Field(description="What the claim asks for.")


class ClaimSpec(Model):
    """A PersistentVolumeClaim's spec, as far as a job needs it."""

    access_modes: list[AccessMode] = Field(
        default=["ReadWriteOnce"],
        min_length=1,
        max_length=4,
        description="How it may be mounted; a job of several members needs ReadWriteMany.",
    )
    resources: ClaimResources = Field(description="What the claim asks for.")
    storage_class_name: Subdomain | None = Field(
        default=None, description="The StorageClass; by default the cluster's default one."
    )


class ClaimTemplate(Model):
    """A claim the operator makes for the job; it is deleted with the job."""

    spec: ClaimSpec = Field(description="Spec of the PersistentVolumeClaim.")


class HostPath(Model):
    """A directory of the node."""

    path: Annotated[str, Field(max_length=4096, pattern=r"^/")] = Field(description="Absolute path on the node.")
    type: Literal["DirectoryOrCreate", "Directory"] | None = Field(
        default=None, description="Directory: it must exist; DirectoryOrCreate: it is made."
    )


class EmptyDir(Model):
    """A directory that lives as long as its pod."""

    medium: Literal["", "Memory"] = Field(default="", description="Memory for a tmpfs; empty for the node's disk.")
    size_limit: Quantity | None = Field(default=None, description="The most it may hold, e.g. 1Gi.")


class Volume(Model):
    """Exactly one of claimName, claimTemplate, hostPath, emptyDir."""

    claim_name: Subdomain | None = Field(
        default=None, description="An existing PersistentVolumeClaim of the job's namespace."
    )
    claim_template: ClaimTemplate | None = Field(
        default=None, description="A PersistentVolumeClaim made for the job and deleted with it."
    )
    host_path: HostPath | None = Field(default=None, description="A directory of the node.")
    empty_dir: EmptyDir | None = Field(default=None, description="A directory that lives as long as its pod.")
    read_only: bool = Field(default=False, description="Whether it is mounted read-only.")

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        kinds = {"claimName": self.claim_name, "claimTemplate": self.claim_template}
        refuse(one_of({**kinds, "hostPath": self.host_path, "emptyDir": self.empty_dir}))
        return self


class Volumes(Model):
    """The two volumes of a job. Further ones go into the pod template."""

    data: Volume | None = Field(
        default=None,
        description="Data sets, at AKID_DATA_PATH; by default an emptyDir of each pod.",
    )
    log: Volume | None = Field(
        default=None,
        description=(
            "Run directory and checkpoints, at AKID_LOG_DIR (a directory per job is made on it); "
            "by default an emptyDir of each pod, so nothing outlives the pod."
        ),
    )

    @model_validator(mode="after")
    def _log_is_writable(self) -> Self:
        fault = "the run directory is written to, expected false, received true."
        refuse((bool(self.log and self.log.read_only), "log.readOnly", fault))
        return self
