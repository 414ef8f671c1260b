"""The commands: ``akid run | validate | render | convert | export | observe | serve | logs | scale | train``."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from akid import __version__
from akid.errors import AkidError, InvalidSpecError, PeerLostError, UserCodeError
from akid.job import AkidJob, load_mapping, parse
from akid.job.manifest import dialect
from akid.output import say
from akid.serving.options import add_arguments, serving_of

#: Exit codes: the kid is invalid; the user's code failed; interrupted by Ctrl-C; please start me again.
INVALID, FAILED, INTERRUPTED, RESTART = 2, 1, 130, 42

CHAOS = "a fault on purpose, such as kill:worker-1@step=300 or stop:worker-0@every=15s; may be given several times"
CONVERT = "Print the AkidJob that runs the programs of a TFJob; what is not carried over is told field by field."
OBSERVE = (
    "Make pictures of what a run learnt and of how it did: of everything that applies, or of what is asked for."
    " Without the data there are no activations and no classifying. Needs matplotlib, the extra akid[observe]."
)
#: What `akid observe` shows of a run; `akid.observer.command` says how.
VIEWS = {
    "filters": "the weights of synapse layers",
    "activations": "what each block gives for an example",
    "classifying": "images, and what they are taken for",
    "stats": "norms of filters, and which are dead",
    "sparsity": "the fraction of zeros among activations over the steps",
    "distributions": "percentiles of weights, gradients and activations over the steps",
    "scalars": "loss, measures, learning rate, regularisation, gradient norms over the steps",
    "graph": "blocks and how they are wired",
}
SCALE = "Change how many workers a run on this machine has, while it trains."
LOGS = (
    "Print what the members of a job said: of a run directory, or (if there is no such directory, or with -n or "
    "--context) of a job in the cluster that kubectl talks to."
)
SERVE = (
    "Answer over HTTP what a model gives: TensorFlow Serving's REST form and the Open Inference Protocol v2."
    " Needs starlette and uvicorn, the extra akid[serve]."
)
EXPORT = "Write what a run learnt as a SavedModel. The data need not be there."


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code, see DESIGN "Exit codes"."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except UserCodeError as error:
        traceback.print_exception(error.__cause__)
        return _complain(error, FAILED)
    except PeerLostError as error:
        return _complain(error, RESTART)
    except AkidError as error:
        # An argument or a value that cannot be is a ValueError; the rest comes up while a valid kid runs.
        return _complain(error, INVALID if isinstance(error, ValueError) else FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(error: AkidError, code: int) -> int:
    say(f"akid: {error}", sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="akid", description="Describe a Kid once; train it anywhere.")
    parser.add_argument("--version", action="version", version=f"akid {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", _run, "train an AkidJob on this machine; a second run goes on")
    run.add_argument("--log-dir", type=Path, help="run directory; runs/<name of the job> if left out")
    run.add_argument("--fresh", action="store_true", help="begin anew in a run directory that was used before")
    run.add_argument("--chaos", action="append", default=[], metavar="FAULT", help=CHAOS)
    _command(commands, "validate", _validate, "check an AkidJob without training it")
    _command(commands, "render", _render, "print an AkidJob as it would run: settings applied, script filled in")
    convert = commands.add_parser("convert", help="turn a TFJob into an AkidJob", description=CONVERT)
    convert.set_defaults(command=_convert)
    convert.add_argument("file", metavar="FILE", help="manifest of the TFJob, of any version")
    export = commands.add_parser("export", help="write what a run learnt as a SavedModel", description=EXPORT)
    export.set_defaults(command=_export)
    export.add_argument("log_dir", type=Path, metavar="LOG_DIR", help="run directory of `akid run`")
    export.add_argument("--output", type=Path, metavar="DIR", help="LOG_DIR/export if left out")
    export.add_argument("--best", action="store_true", help="the best checkpoint instead of the newest")
    _add_observe(commands)
    _add_serve(commands)
    _add_scale(commands)
    _add_logs(commands)
    train = commands.add_parser("train", help="what a member of a job runs; the environment says which")
    train.set_defaults(command=_train)
    train.add_argument(
        "program", nargs="*", metavar="-- PROGRAM", help="what trains instead of the manifest's kid"
    )
    return parser


def _add_scale(commands: Any) -> None:
    scale = commands.add_parser("scale", help="give a run another number of workers", description=SCALE)
    scale.set_defaults(command=_scale)
    scale.add_argument("log_dir", type=Path, metavar="RUN_DIR", help="run directory of an `akid run` at work")
    scale.add_argument("workers", type=int, metavar="WORKERS", help="how many in all")


def _add_observe(commands: Any) -> None:
    observe = commands.add_parser("observe", help="make pictures of what a run learnt", description=OBSERVE)
    observe.set_defaults(command=_observe)
    observe.add_argument("log_dir", type=Path, metavar="LOG_DIR", help="run directory of `akid run`")
    observe.add_argument("--output", type=Path, metavar="DIR", help="LOG_DIR/visualization if left out")
    which = observe.add_mutually_exclusive_group()
    which.add_argument("--best", action="store_true", help="the best checkpoint instead of the newest")
    which.add_argument("--step", type=int, metavar="N", help="the checkpoint of this step instead of the newest")
    for name, text in VIEWS.items():
        observe.add_argument(f"--{name}", action="append_const", dest="parts", const=name, help=text)


def _add_logs(commands: Any) -> None:
    logs = commands.add_parser("logs", help="print what the members of a job said", description=LOGS)
    logs.set_defaults(command=_logs)
    logs.add_argument("source", metavar="RUN_DIR|JOB", help="run directory of `akid run`, or name of an AkidJob")
    logs.add_argument("-n", "--namespace", default="", metavar="NS", help="of the job; kubectl's if left out")
    logs.add_argument("--context", default="", help="the cluster; kubectl's current one if left out")
    logs.add_argument("--member", metavar="NAME", help="such as worker-1; every one if left out")
    starts = "which of its starts, from 0; if left out every one, in a cluster those whose pods are there"
    logs.add_argument("--attempt", type=int, metavar="N", help=starts)
    logs.add_argument("--follow", action="store_true", help="go on until the job in the cluster is done")
    logs.add_argument("--image", default="", help="what reads the log volume if the pods are gone: the job's")


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help="answer requests over HTTP with what was learnt", description=SERVE)
    serve.set_defaults(command=_serve)
    add_arguments(serve)


def _command(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(command=function)
    command.add_argument("file", metavar="FILE", help="manifest of the AkidJob")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="PATH=VALUE",
        help="change a field, e.g. --set spec.kid.max_steps=100; may be given several times",
    )
    return command


def _load(options: argparse.Namespace) -> AkidJob:
    from akid.manifests.overrides import apply_overrides

    manifest = load_mapping(Path(options.file))
    apply_overrides(manifest, options.settings)
    return parse(manifest)


def _run(options: argparse.Namespace) -> int:
    job = _load(options)
    _ = job.spec.trained_kid
    log_dir = options.log_dir or Path("runs") / job.metadata.name
    if job.spec.tensorboard and job.spec.tensorboard.enabled:
        say(f"spec.tensorboard is for a cluster; here: tensorboard --logdir {log_dir / 'events'}", sys.stderr)
    if job.spec.engine.distributed and job.spec.tune is None:
        from akid.runner.command import run_members

        return run_members(job, log_dir, fresh=options.fresh, chaos=options.chaos)
    if options.chaos:
        problem = f"only a job of several members has faults on purpose, received engine {job.spec.engine.name!r}."
        raise InvalidSpecError("--chaos", problem)
    if job.spec.tune is not None:
        from akid.tuner.command import run_tuning

        return run_tuning(job, log_dir, fresh=options.fresh)
    from akid.manifests.recipe import check_run, empty_run, note_run
    from akid.manifests.runs import kid_of_job
    from akid.manifests.set_up import check_shapes, set_up
    from akid.runs.outcome import outcome
    from akid.runs.run_dir import RunDir, read_json

    declared = kid_of_job(job, log_dir)
    if options.fresh:
        # What a run left is removed only for a kid that can take its place.
        check_shapes(declared)
        empty_run(log_dir)
    check_run(job, log_dir)
    set_up(declared)
    note_run(job, log_dir)
    kid = declared.kid
    kid.practice()
    say(f"{job.metadata.name}: {outcome(read_json(RunDir(kid.log_dir).result) or {})}")
    say(f"results: {kid.log_dir}")
    return 0


def _logs(options: argparse.Namespace) -> int:
    if options.namespace or options.context or not ("/" in options.source or Path(options.source).exists()):
        return _cluster_logs(options)
    from akid.runner.directory import log_text

    if options.follow:
        raise InvalidSpecError("--follow", "only a job in a cluster is followed; `akid run` tells all by itself.")
    for line in log_text(Path(options.source), options.member, options.attempt):
        say(line, end="")
    return 0


def _cluster_logs(options: argparse.Namespace) -> int:
    from akid.cluster.job_logs import JobLogs, Wanted
    from akid.cluster.kubectl import Kubectl

    if options.follow and options.attempt is not None:
        raise InvalidSpecError("--follow", "follows what is still to be said, expected no --attempt.")
    logs = JobLogs(Kubectl(options.namespace, options.context), options.source)
    wanted = Wanted(options.member or "", options.attempt, options.image)
    if options.follow:
        logs.follow(wanted)
        return 0
    for line in logs.lines(wanted):
        say(line, end="")
    return 0


def _scale(options: argparse.Namespace) -> int:
    from akid.runner.control import ask

    say(ask(options.log_dir, {"workers": options.workers}))
    return 0


def _train(options: argparse.Namespace) -> int:
    from akid.trainer.command import train

    return train(options.program)


def _validate(options: argparse.Namespace) -> int:
    job = _load(options)
    if job.spec.kid is None:
        say(f"{options.file}: valid (what the image's own program does was not checked)")
        return 0
    told = _preview(job).validated(job)
    say(f"{options.file}: valid" + (f" ({told})" if told else ""))
    return 0


def _render(options: argparse.Namespace) -> int:
    job = _load(options)
    say(_preview(job).rendered(job), end="")
    return 0


def _preview(job: AkidJob) -> Any:
    if job.spec.tune is not None:
        from akid.tuner import command as preview
    else:
        from akid.manifests import preview
    return preview


def _observe(options: argparse.Namespace) -> int:
    from akid.manifests.runs import kid_of_run
    from akid.observer.command import observe

    kid, _ = kid_of_run(options.log_dir, options.best, options.step)
    for line in observe(kid, options.parts or (), options.output):
        say(line)
    return 0


def _convert(options: argparse.Namespace) -> int:
    from akid.job.tfjob import convert

    conversion = convert(load_mapping(Path(options.file)))
    for note in conversion.notes:
        say(f"akid: {note}", sys.stderr)
    if not conversion.complete:
        return INVALID
    say(dialect.write(conversion.manifest), end="")
    return 0


def _serve(options: argparse.Namespace) -> int:
    from akid.serving.command import serve

    return serve(serving_of(options))


def _export(options: argparse.Namespace) -> int:
    from akid.manifests.runs import export_run

    target, outputs = export_run(options.log_dir, options.output, options.best)
    say(f"{target}: {', '.join(outputs)}")
    return 0
