"""AkidJob: the one source of the API. The CRD is generated from these models."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from akid.errors import InvalidSpecError
from akid.job.api.base import Model, ReportedModel, Time, refuse, short_hash
from akid.job.api.engine import Engine, RoleName
from akid.job.api.kid import Kid
from akid.job.api.policy import RunPolicy, Scheduling
from akid.job.api.status import Status
from akid.job.api.template import PodTemplate, runs_akid, trainer_of
from akid.job.api.tensorboard import TensorBoard
from akid.job.api.tune import Tune
from akid.job.api.volumes import Volumes

GROUP, VERSION, KIND, PLURAL = "akid.dev", "v1alpha1", "AkidJob", "akidjobs"
API_VERSION = f"{GROUP}/{VERSION}"
NAME = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
MAX_NAME = 40


class Role(Model):
    """What differs for one role."""

    template: PodTemplate | None = Field(
        default=None, description="A PodTemplateSpec that replaces spec.template for this role."
    )


class Roles(Model):
    """Roles that differ from spec.template."""

    chief: Role | None = Field(default=None, description="The chief of parameter_server.")
    worker: Role | None = Field(default=None, description="The workers (worker-0 is multi_worker's chief).")
    ps: Role | None = Field(default=None, description="The parameter servers.")
    evaluator: Role | None = Field(default=None, description="The evaluator.")


class Spec(Model):
    """What is wanted."""

    kid: Kid | None = Field(
        default=None,
        description=(
            "What trains: sensor, brain and KongFu; or a script; or a module. Left out where the image brings a "
            "program of its own: each role's trainer has a command or args, and restartStrategy is Recreate."
        ),
    )
    engine: Engine = Field(default_factory=Engine, description="Where it trains.")
    image: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="The trainer's image; by default the one the operator is set up with.",
    )
    volumes: Volumes = Field(default_factory=Volumes, description="Where data and results lie.")
    template: PodTemplate | None = Field(
        default=None,
        description=(
            "A PodTemplateSpec for every role. The operator adds environment, mounts and ports "
            "to the container called trainer, or to the only one."
        ),
    )
    roles: Roles = Field(default_factory=Roles, description="Templates for single roles.")
    run_policy: RunPolicy = Field(default_factory=RunPolicy, description="Restarts, deadlines, cleaning up.")
    scheduling: Scheduling = Field(default_factory=Scheduling, description="Gang, queue, priority, spread.")
    tune: Tune | None = Field(
        default=None,
        description=(
            "Trains the kid once for each of many parameters, which the templates in it are filled in with: each "
            "trial is an AkidJob of its own, with all the rest of this one's spec."
        ),
    )
    tensorboard: TensorBoard | None = Field(
        default=None, description="A TensorBoard beside the job, which reads its log volume. {} is enough."
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        wanted, members, engine = self.scheduling.min_available or 0, self.engine.size, self.engine
        batch = self.kid.sensor.batch_size if self.kid and self.kid.sensor else None
        rows = engine.name == "multi_worker" and batch is not None and engine.workers > batch
        recreate = engine.elastic and self.run_policy.restart_strategy != "InPlace"
        refuse(
            (wanted > members, "scheduling.minAvailable",
             f"expected at most the {members} pods of the job, received {wanted}."),
            (rows, "engine.workers",
             f"expected at most the {batch} rows of a batch, one for each worker, received {engine.workers}."),
            (recreate, "engine.minWorkers",
             "only with runPolicy.restartStrategy InPlace do workers meet while others train."),
            (engine.elastic and self.run_policy.success_policy != "Chief", "runPolicy.successPolicy",
             "with engine.minWorkers nobody waits for all workers, expected Chief, received AllWorkers."),
        )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _can_be_tuned(self) -> Self:
        given = sorted({"net_paras", "opt_paras", "repeat"} & set((self.kid and self.kid.params) or {}))
        resumed = self.volumes.log and self.volumes.log.resume_from
        tuned = self.tune is not None
        refuse(
            (tuned and self.kid is None, "kid", "required field is missing: a kid is what is tuned."),
            (tuned and bool(given), "kid.params", f"{', '.join(given)} are the trials' own; see spec.tune."),
            (tuned and bool(resumed), "volumes.log.resumeFrom",
             "each trial has a run directory of its own, expected none."),
        )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _claims_are_shared(self) -> Self:
        for name, volume in (("data", self.volumes.data), ("log", self.volumes.log)):
            template = volume.claim_template if volume else None
            modes = template.spec.access_modes if template else ["ReadWriteMany"]
            problem = (
                f"the {self.engine.size} pods of the job may run on several nodes: expected ReadWriteMany, "
                f"received {', '.join(modes)}."
            )
            alone = self.engine.size > 1 and "ReadWriteMany" not in modes
            refuse((alone, f"volumes.{name}.claimTemplate.spec.accessModes", problem))
        return self

    @model_validator(mode="after")
    def _log_can_be_shown(self) -> Self:
        if self.tensorboard is None or not self.tensorboard.enabled:
            return self
        log = self.volumes.log
        shared = log is not None and log.empty_dir is None
        given = "an emptyDir, which is each pod's own" if log else "none"
        modes = log.claim_template.spec.access_modes if log and log.claim_template else []
        refuse(
            (self.tune is not None, "tensorboard",
             "each trial has a run directory of its own, and there is no TensorBoard of all: expected none."),
            (not shared, "volumes.log",
             f"TensorBoard reads it from a pod of its own: expected a volume, received {given}."),
            ("ReadWriteOncePod" in modes, "volumes.log.claimTemplate.spec.accessModes",
             "TensorBoard reads it from a pod of its own: expected anything but ReadWriteOncePod."),
        )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _has_something_to_run(self) -> Self:
        own, missing = self._own_programs, "required field is missing."
        alone = f"{missing} Without one, runPolicy.restartStrategy must be Recreate: akid does not supervise it."
        hint = f"{missing} A program of the image's own is a command or args in the template of every role."
        recreates = self.run_policy.restart_strategy == "Recreate"
        refuse((self.kid is None and not (own and recreates), "kid", alone if own else hint))
        return self

    @property
    def _own_programs(self) -> bool:
        """Whether every member's template names a program."""
        roles = (role for role, number in self.engine.counts.items() if number)
        return not any(runs_akid(trainer_of(self.template_of(role).to_json().get("spec", {}))) for role in roles)

    @property
    def trained_kid(self) -> Kid:
        """The kid, for whoever needs one.

        Raises:
            InvalidSpecError: the job has none.
        """
        if self.kid is None:
            problem = "there is none: the job runs a program of its image's own, which only a cluster does."
            raise InvalidSpecError("spec.kid", problem, "Use kubectl apply.")
        return self.kid

    def template_of(self, role: RoleName) -> PodTemplate:
        """The template of a role's pods: its own, else the job's, else an empty one."""
        own: Role | None = getattr(self.roles, role)
        return (own and own.template) or self.template or PodTemplate()

    @cached_property
    def template_hash(self) -> str:
        """In short, all that pods are made of and that may change while the job is suspended.

        Of what is written alone: what another version of the schema or of the operator adds replaces no pod.
        """
        parts = {"image", "template", "roles", "scheduling"}
        return short_hash(self.model_dump(mode="json", include=parts, exclude_defaults=True, exclude_none=True))


class ObjectMeta(ReportedModel):
    """A Kubernetes object's metadata, as far as the planner needs it."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=NAME)]
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class AkidJob(Model):
    """A Kid that trains on a cluster (or, with the same file, on this machine)."""

    api_version: Literal["akid.dev/v1alpha1"] = Field(description="akid.dev/v1alpha1.")
    kind: Literal["AkidJob"] = Field(description="AkidJob.")
    metadata: ObjectMeta = Field(description="Name, namespace, labels.")
    spec: Spec = Field(description="What is wanted.")
    status: Status = Field(default_factory=Status, description="What is; written by the operator.")
