"""What a schema cannot say of an AkidJob, as CEL: (where, rule, message, field it is about).

The models say the same in Python; a test holds the two together. Every list and text a rule looks into
is bounded, since the server refuses rules it cannot bound the cost of.

A gap of the server: its equality of objects misses an unknown key that is renamed.
The operator is safe from it, since the kid's ConfigMap is immutable.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A CEL rule.

    Args:
        at: the object `self` is, as a dotted path of the schema.
        rule: the expression that must hold; one with `oldSelf` is judged on updates only.
        message: what the user reads.
        field: the field below `at` the message is about, as a dotted path.
    """

    at: str
    rule: str
    message: str
    field: str = ""


FORMS = "(has(self.sensor) || has(self.brain) || has(self.kongfu))"
SERVERS = "(has(self.parameterServers) ? self.parameterServers : 1)"
PS = "self.name == 'parameter_server'"
MEMBERS = (
    "(self.engine.workers + (self.engine.name == 'parameter_server' ? "
    "1 + (has(self.engine.parameterServers) ? self.engine.parameterServers : 1) + "
    "(self.engine.evaluator ? 1 : 0) : 0))"
)
TRAINERS = (
    "!has(self.spec) || !has(self.spec.containers) || size(self.spec.containers) <= 1 || "
    "self.spec.containers.exists(c, has(c.name) && c.name == 'trainer')"
)
# What the schema names of a container is declared optional: `args: []` is a program as well.
PROGRAM = (
    "(has({t}.spec) && has({t}.spec.containers) && {t}.spec.containers.exists(c, "
    "(has(c.command) || has(c.args)) && "
    "(size({t}.spec.containers) == 1 || (has(c.name) && c.name == 'trainer'))))"
)
BOARD = "(has(self.tensorboard) && self.tensorboard.enabled)"
VOLUMES = ("glusterfs", "claimName", "claimTemplate", "hostPath", "emptyDir")
TRIALS = (
    "(has(self.random) ? self.random.trials : (has(self.netParas) ? size(self.netParas) : 1) * "
    "(has(self.optParas) ? size(self.optParas) : 1))"
)
FOREVER = "never changes after creation; a new idea is a new job"
SUSPENDED = "changes only while the job is suspended"
TEMPLATES = ("spec.template", *(f"spec.roles.{r}.template" for r in ("chief", "worker", "ps", "evaluator")))


def unchanged(field: str) -> str:
    """CEL: an optional field is as it was."""
    return f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"


def same_number(field: str, default: int) -> str:
    """CEL: a number is as it was, where absent means the default."""
    return (
        f"(has(self.{field}) ? self.{field} : {default}) == (has(oldSelf.{field}) ? oldSelf.{field} : {default})"
    )


def exactly_one(*names: str) -> str:
    """CEL: exactly one of the fields is given."""
    return f"[{', '.join(f'has(self.{name})' for name in names)}].filter(given, given).size() == 1"


def has_program(role: str) -> str:
    """CEL: the template of a role's pods names a program."""
    mine = f"self.roles.{role}.template"
    there = f"has(self.roles) && has(self.roles.{role}) && has({mine})"
    return f"({there} ? {PROGRAM.format(t=mine)} : has(self.template) && {PROGRAM.format(t='self.template')})"


PROGRAMS = " && ".join((
    has_program("worker"),
    *(f"(self.engine.name != 'parameter_server' || {has_program(role)})" for role in ("chief", "ps")),
    f"(!self.engine.evaluator || {has_program('evaluator')})",
))  # fmt: skip
KID = [
    Rule("spec", f"has(self.kid) || (self.runPolicy.restartStrategy == 'Recreate' && {PROGRAMS})",
         "is required, unless the template of every role gives the trainer a command or args and "
         "restartStrategy is Recreate", "kid"),
    Rule("spec.kid", f"[{FORMS}, has(self.script), has(self.module)].filter(given, given).size() == 1",
         "expected exactly one of sensor + brain + kongfu, script, module"),
    *(Rule("spec.kid", f"!{FORMS} || has(self.{part})", f"a declarative kid needs a {part}", part)
      for part in ("sensor", "brain", "kongfu")),
    Rule("spec.kid", "!(has(self.max_steps) && has(self.max_epoch))",
         "expected max_steps or max_epoch, received both", "max_epoch"),
    Rule("spec.kid.brain", "has(self.type) || has(self.blocks)", "expected type or blocks, received neither"),
]  # fmt: skip
ENGINE = [
    Rule("spec.engine", "self.workers == 1 || self.name in ['multi_worker', 'parameter_server']",
         "only multi_worker and parameter_server have several workers", "workers"),
    Rule("spec.engine", "!has(self.devices) || self.name == 'data_parallel'",
         "only the engine data_parallel has it", "devices"),
    Rule("spec.engine", "!has(self.compression) || self.name == 'multi_worker'",
         "only the engine multi_worker has it", "compression"),
    Rule("spec.engine", f"!has(self.parameterServers) || {PS}",
         "only the engine parameter_server has it", "parameterServers"),
    Rule("spec.engine", f"!self.evaluator || {PS}", "only the engine parameter_server has it", "evaluator"),
    Rule("spec.engine", "!has(self.minWorkers) || self.name == 'multi_worker'",
         "only the engine multi_worker has it", "minWorkers"),
    Rule("spec.engine", "!has(self.minWorkers) || self.minWorkers <= self.workers",
         "expected at least minWorkers", "workers"),
    Rule("spec.engine", f"!({PS}) || self.workers + {SERVERS} <= 1000",
         "expected at most 1000 workers and parameter servers in all", "workers"),
    Rule("spec.engine", "!has(self.num_gpu) || self.name == 'data_parallel'",
         "only the engine data_parallel has it; use gpusPerWorker", "num_gpu"),
    Rule("spec.engine",
         "!has(self.num_gpu) || !has(self.gpusPerWorker) || self.num_gpu == self.gpusPerWorker",
         "is another name of gpusPerWorker, and they differ", "num_gpu"),
]  # fmt: skip
REST = [
    *(Rule(f"spec.volumes.{name}", exactly_one(*VOLUMES), f"expected exactly one of {', '.join(VOLUMES)}")
      for name in ("data", "log")),
    Rule("spec.volumes", "!has(self.log) || !(self.log.readOnly || has(self.log.glusterfs) && "
         "self.log.glusterfs.readOnly)", "the run directory is written to", "log.readOnly"),
    Rule("spec.volumes.log", "!has(self.resumeFrom) || !(has(self.emptyDir) || has(self.claimTemplate))",
         "expected a volume that holds another job's run directory, not a new one", "resumeFrom"),
    *(Rule("spec", f"!has(self.volumes) || !has(self.volumes.{name}) || "
           f"!has(self.volumes.{name}.claimTemplate) || {MEMBERS} == 1 || "
           f"'ReadWriteMany' in self.volumes.{name}.claimTemplate.spec.accessModes",
           "the pods of a job of several may run on several nodes: expected ReadWriteMany",
           f"volumes.{name}.claimTemplate.spec.accessModes")
      for name in ("data", "log")),
    *(Rule(at, TRAINERS, "expected a container called 'trainer' among several", "spec.containers")
      for at in TEMPLATES),
    Rule("spec", "!has(self.scheduling) || !has(self.scheduling.minAvailable) || "
         f"self.scheduling.minAvailable <= {MEMBERS}", "minAvailable is more than the pods of the job",
         "scheduling.minAvailable"),
    Rule("spec", "self.engine.name != 'multi_worker' || !has(self.kid) || !has(self.kid.sensor) || "
         "!has(self.kid.sensor.batch_size) || self.engine.workers <= self.kid.sensor.batch_size",
         "a batch needs a row for each worker", "engine.workers"),
    Rule("spec", f"!{BOARD} || !has(self.tune)",
         "each trial has a run directory of its own, and there is no TensorBoard of all: expected none",
         "tensorboard"),
    Rule("spec", f"!{BOARD} || has(self.volumes) && has(self.volumes.log) && !has(self.volumes.log.emptyDir)",
         "TensorBoard reads it from a pod of its own: expected a volume, and no emptyDir", "volumes.log"),
    Rule("spec", f"!{BOARD} || !has(self.volumes) || !has(self.volumes.log) || "
         "!has(self.volumes.log.claimTemplate) || "
         "!('ReadWriteOncePod' in self.volumes.log.claimTemplate.spec.accessModes)",
         "TensorBoard reads it from a pod of its own: expected anything but ReadWriteOncePod",
         "volumes.log.claimTemplate.spec.accessModes"),
    Rule("spec", "!has(self.engine.minWorkers) || self.runPolicy.restartStrategy == 'InPlace'",
         "only with runPolicy.restartStrategy InPlace do workers meet while others train", "engine.minWorkers"),
    Rule("spec", "!has(self.engine.minWorkers) || self.runPolicy.successPolicy == 'Chief'",
         "with engine.minWorkers nobody waits for all workers, expected Chief", "runPolicy.successPolicy"),
]  # fmt: skip
TUNE = [
    Rule("spec.tune", "(has(self.netParas) || has(self.optParas)) != has(self.random)",
         "expected exactly one of netParas or optParas, random"),
    Rule("spec.tune", f"self.repeats * {TRIALS} <= 1000", "expected at most 1000 trials"),
    Rule("spec", "!has(self.tune) || has(self.kid)", "is required: a kid is what is tuned", "kid"),
    Rule("spec", "!has(self.tune) || !has(self.volumes) || !has(self.volumes.log) || "
         "!has(self.volumes.log.resumeFrom)", "each trial has a run directory of its own",
         "volumes.log.resumeFrom"),
]  # fmt: skip
UPDATES = [
    Rule("spec", unchanged("kid"), f"kid {FOREVER}", "kid"),
    Rule("spec", unchanged("volumes"), f"volumes {FOREVER}", "volumes"),
    Rule("spec", "has(self.tune) == has(oldSelf.tune)", f"tune {FOREVER}", "tune"),
    *(Rule("spec.tune", unchanged(field), f"tune.{field} {FOREVER}", field)
      for field in ("netParas", "optParas", "random", "objective")),
    Rule("spec.tune", "self.repeats == oldSelf.repeats", f"tune.repeats {FOREVER}", "repeats"),
    Rule("spec.engine", "self.name == oldSelf.name", f"engine.name {FOREVER}", "name"),
    Rule("spec.engine", "self.workers == oldSelf.workers || self.name == 'multi_worker'",
         "only the engine multi_worker can be scaled", "workers"),
    *(Rule("spec.engine", unchanged(field), f"engine.{field} {FOREVER}", field)
      for field in ("devices", "compression", "minWorkers")),
    *(Rule("spec.engine", same_number(field, default), f"engine.{field} {FOREVER}", field)
      for field, default in (("parameterServers", 1), ("gpusPerWorker", 0), ("num_gpu", 0))),
    Rule("spec.engine", "self.evaluator == oldSelf.evaluator", f"engine.evaluator {FOREVER}", "evaluator"),
    *(Rule("spec.runPolicy", f"self.{field} == oldSelf.{field}", f"runPolicy.{field} {FOREVER}", field)
      for field in ("restartStrategy", "successPolicy")),
    *(Rule("spec", f"oldSelf.runPolicy.suspend || ({unchanged(field)})", f"{field} {SUSPENDED}", field)
      for field in ("image", "template", "roles", "scheduling")),
]  # fmt: skip
RULES = KID + ENGINE + REST + TUNE + UPDATES
