"""`make cluster`, `make cluster-down`, `make cluster-build`: a cluster to play with.

`up` leaves it running in the background and prints what a shell needs, so that
`eval "$(make cluster)"` is enough.
"""

import json
import os
import shlex
import signal
import subprocess
import sys

from cluster import binaries, helm
from cluster.control import Cluster
from cluster.go_build import cache, locked
from cluster.processes import Identity
from cluster.waiting import wait_for

STATE = cache() / "running.json"
LOG = cache() / "running.log"
# A training that one likes to watch.
JOB_SECONDS = 10


def tell(message: str) -> None:
    """What a person wants to know; stdout is for the shell."""
    print(message, file=sys.stderr, flush=True)


def running() -> Identity | None:
    """The process that keeps the cluster, if there is one."""
    try:
        state = json.loads(STATE.read_text())
    except FileNotFoundError:
        return None
    server = Identity(state["pid"], state["started"])
    return server if server.alive() else None


def _exit(number: int, frame: object) -> None:
    sys.exit(0)


def serve() -> None:
    """Keep a cluster until SIGTERM or Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    with Cluster(job_seconds=JOB_SECONDS) as cluster:
        tools = cluster.directory / "bin"
        tools.mkdir()
        (tools / "kubectl").symlink_to(cluster.layout.program("kubectl"))
        me = Identity.of(os.getpid())
        assert me is not None
        exports = [
            f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}",
            f'export PATH={shlex.quote(str(tools))}:"$PATH"',
        ]
        unfinished = STATE.with_suffix(".new")
        unfinished.write_text(json.dumps({"pid": me.pid, "started": me.started, "exports": exports}))
        unfinished.rename(STATE)
        try:
            signal.pause()
        finally:
            STATE.unlink(missing_ok=True)


def up() -> None:
    """Start one in the background, unless one runs already, and print how to reach it."""
    binaries.programs(tell)
    with locked(STATE.with_suffix(".lock")):
        if running() is None:
            start()
        print("\n".join(json.loads(STATE.read_text())["exports"]))


def start() -> None:
    """Leave `serve` running behind, with its cluster ready."""
    tell("starting a cluster; `make cluster-down` ends it")
    STATE.unlink(missing_ok=True)
    with LOG.open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "cluster", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def started() -> Identity | None:
        if server.poll() is not None:
            raise SystemExit(f"the cluster did not start:\n{LOG.read_text()}")
        return running()

    wait_for(started, "the cluster", timeout=120)


def build() -> None:
    """What the tests need: the control plane, and helm."""
    binaries.programs(tell)
    helm.program(tell)


def down() -> None:
    """End it."""
    server = running()
    if server is None:
        tell("no cluster is running")
        return
    os.kill(server.pid, signal.SIGTERM)
    wait_for(lambda: not server.alive(), "the end of the cluster", timeout=60)


COMMANDS = {"build": build, "up": up, "down": down, "serve": serve}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]]()
