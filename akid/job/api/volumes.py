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


# A path from the volume's root that leads nowhere else: no component is a dot, or begins with two.
COMPONENT = r"\.?[^./\x00-\x1f][^/\x00-\x1f]*"
DIRECTORY = rf"^/?({COMPONENT}(/{COMPONENT})*/?)?$"
Server = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39})$")
]


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


RunName = Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]


class GlusterFs(Model):
    """A directory of a GlusterFS volume, by the node driver gluster.csi.akid.dev."""

    servers: list[Server] = Field(
        min_length=1,
        max_length=16,
        description="Names or addresses of servers of the volume; the driver's allow-list must have them.",
    )
    volume: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_][-A-Za-z0-9_]*$")] = Field(
        description="The volume's name."
    )
    path: Annotated[str, Field(max_length=1024, pattern=DIRECTORY)] = Field(
        default="",
        description="A directory of it, made if it lacks (unless readOnly); by default its root.",
    )
    read_only: bool = Field(default=False, description="The same as the volume's readOnly.")


class Volume(Model):
    """Exactly one of glusterfs, claimName, claimTemplate, hostPath, emptyDir."""

    glusterfs: GlusterFs | None = Field(
        default=None,
        description="A directory of a GlusterFS volume, by the driver gluster.csi.akid.dev.",
    )
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
        claims = {"claimName": self.claim_name, "claimTemplate": self.claim_template}
        others = {"hostPath": self.host_path, "emptyDir": self.empty_dir}
        refuse(one_of({"glusterfs": self.glusterfs, **claims, **others}))
        return self

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be written."""
        return self.read_only or bool(self.glusterfs and self.glusterfs.read_only)


class LogVolume(Volume):
    """A volume for run directories: one of each job's own, `<namespace>/<name>-<first 8 of its uid>`."""

    resume_from: RunName | None = Field(
        default=None,
        description=(
            "Go on in the run directory of an earlier job of this namespace, with the same kid: "
            "`<name>-<first 8 of its uid>`, as it is called on the volume."
        ),
    )

    @model_validator(mode="after")
    def _can_resume(self) -> Self:
        kind = "emptyDir" if self.empty_dir else "claimTemplate" if self.claim_template else ""
        problem = f"{kind} is new with each job: expected a volume that holds another job's run directory."
        refuse((bool(kind and self.resume_from), "resumeFrom", problem))
        return self


class Volumes(Model):
    """The two volumes of a job. Further ones go into the pod template."""

    data: Volume | None = Field(
        default=None,
        description="Data sets, at AKID_DATA_PATH; by default an emptyDir of each pod.",
    )
    log: LogVolume | None = Field(
        default=None,
        description=(
            "Run directory and checkpoints, at AKID_LOG_DIR: a directory of the job's own on it, "
            "`<namespace>/<name>-<first 8 of its uid>`; "
            "by default an emptyDir of each pod, so nothing outlives the pod."
        ),
    )

    @model_validator(mode="after")
    def _log_is_writable(self) -> Self:
        fault = "the run directory is written to, expected false, received true."
        refuse((bool(self.log and self.log.is_read_only), "log.readOnly", fault))
        return self
