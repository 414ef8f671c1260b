"""The command `akid-operator`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, cast

import uvloop

from akid.job import PodDefaults
from akid_operator import __version__
from akid_operator.kube.connect import own_namespace
from akid_operator.kube.errors import OperatorError
from akid_operator.progress.poller import RATE
from akid_operator.serve import logs
from akid_operator.serve.leader import Timing
from akid_operator.serve.process import Replica
from akid_operator.serve.settings import Options
from akid_operator.work.resync import INTERVAL

logger = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser("akid-operator", description="Runs AkidJobs on a Kubernetes cluster.")
    add = result.add_argument
    add("--version", action="version", version=__version__)
    add("--kubeconfig", default=os.environ.get("KUBECONFIG"), help="without one, the pod's service account")
    add("--namespace", action="append", default=[], help="look after this namespace only (may be repeated)")
    add("--metrics-port", type=int, default=8080, help="of /metrics, /healthz and /readyz; 0 takes a free one")
    add("--metrics-host", default="", help="the address to listen on; by default all")
    add("--no-leader-election", action="store_true", help="this is the only replica")
    add("--lease-namespace", help="by default the operator's own namespace")
    add("--lease-seconds", type=float, default=Timing().lease, help="how long a silent leader is waited for")
    add("--resync-seconds", type=float, default=INTERVAL, help="between two readings of everything")
    add("--progress-writes-per-second", type=float, default=RATE, help="of all jobs together; 0 for none")
    add("--trainer-image", default="", help="of jobs that name none")
    add("--pull-secret", action="append", default=[], help="imagePullSecret of every pod (may be repeated)")
    add("--pod-env", action="append", default=[], metavar="NAME=VALUE", help="of every trainer (may be repeated)")
    add("--allowed-volume", action="append", default=[], metavar="KIND", help="of pods of jobs; by default all")
    add("--isolate-jobs", metavar="PEERS", help="a NetworkPolicy for each job; who may read its status, in JSON")
    add("--log-format", choices=logs.FORMATS, default="text" if sys.stderr.isatty() else "json")
    add("--verbose", action="store_true", help="log everything")
    return result


def environment(text: str) -> tuple[str, str]:
    """(NAME, value) of a variable given as NAME=VALUE; the value may be empty and hold further equals signs."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name):
        raise OperatorError(f"--pod-env: expected NAME=VALUE, e.g. NO_PROXY=*. Received: {text!r}")
    return name, value


def peers(text: str) -> tuple[dict[str, Any], ...]:
    """NetworkPolicyPeers, given as a list in JSON; none for nobody."""
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    entries = cast("list[Any]", found if isinstance(found, list) else [found])
    if any(not isinstance(entry, dict) or entry == {} for entry in entries):
        expected = 'a JSON list of NetworkPolicyPeers, e.g. [{"podSelector": {}}]'
        raise OperatorError(f"--isolate-jobs: expected {expected}. Received: {text!r}")
    return tuple(entries)


def options(arguments: Sequence[str]) -> tuple[Options, argparse.Namespace]:
    """The options in a command line, and the rest of it."""
    given = parser().parse_args(arguments)
    lease: float = given.lease_seconds
    return (
        Options(
            kubeconfig=given.kubeconfig,
            namespaces=frozenset(given.namespace),
            host=given.metrics_host,
            port=given.metrics_port,
            elect=not given.no_leader_election,
            lease_namespace=given.lease_namespace or own_namespace(),
            timing=Timing(lease, lease * 2 / 3, lease / 7.5),
            resync=given.resync_seconds,
            progress_rate=given.progress_writes_per_second,
            pods=PodDefaults(
                image=given.trainer_image,
                env=dict(map(environment, given.pod_env)),
                image_pull_secrets=tuple(given.pull_secret),
                allowed_volumes=frozenset(given.allowed_volume),
                status_peers=None if given.isolate_jobs is None else peers(given.isolate_jobs),
            ),
        ),
        given,
    )


async def _run(chosen: Options) -> None:
    code = await Replica(chosen).run()
    # All is written and the lease is let go. What is left (watches, threads of name lookups) would be waited for.
    logging.shutdown()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one replica of the operator until it is told to stop."""
    try:
        chosen, given = options(sys.argv[1:] if arguments is None else arguments)
    except OperatorError as error:
        sys.exit(f"akid-operator: {error}")
    logs.set_up(given.log_format, verbose=given.verbose)
    try:
        uvloop.run(_run(chosen))
    except OperatorError as error:
        logger.error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
