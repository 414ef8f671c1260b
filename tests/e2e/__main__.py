"""`make e2e`: prepares what is needed, then runs the tests of this directory in a sandbox that leaves nothing.

`all` begins with those that need root, but no cluster: images run by runc, the node driver of GlusterFS.

    python -m e2e smoke [PYTEST FLAGS]     what every landing must pass
    python -m e2e all [PYTEST FLAGS]
    python -m e2e shell COMMAND...         a command in an empty sandbox, prepared as for the tests

CLUSTER=current: against the cluster that kubectl reaches, with images pulled from $REGISTRY (and $TAG).
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from cluster.go_build import cache
from e2e import prepare, sandbox
from e2e.prepare import ROOT, Prepared

HERE = Path(__file__).parent
TESTS = ("tests/e2e",)
#: They make what they need by themselves, in these seconds at most.
OUTSIDE_LIMIT = 15 * 60
WITHOUT_CLUSTER = ("tests/containers", "tests/csi", "tests/docs")
#: pytest's exit code if nothing was selected, as by a flag that is meant for the others.
NOTHING = 5
#: Seconds for everything in the sandbox, which is killed then; each wait in there is shorter.
LIMITS = {"smoke": 20 * 60, "all": 40 * 60}
#: Seconds to remove the files; some disks are slow at it.
REMOVAL = 300


def tell(message: str) -> None:
    """How far it is."""
    print(f"e2e: {message}", file=sys.stderr, flush=True)


def pytest_command(what: str, flags: list[str], tests: tuple[str, ...] = TESTS) -> list[str]:
    """The tests, one after another."""
    chosen = "e2e and smoke" if what == "smoke" else "e2e"
    watchdog = ["-o", "faulthandler_timeout=900"]
    return [sys.executable, "-m", "pytest", "-n", "0", *watchdog, "-m", chosen, *(flags or ["-q"]), *tests]


def without_cluster(flags: list[str]) -> int:
    """Run those outside of the sandbox; the exit code. They end what they have started, also after a Ctrl-C."""
    tests = subprocess.Popen(pytest_command("all", flags, WITHOUT_CLUSTER), cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        code = tests.wait(OUTSIDE_LIMIT)
    finally:
        if tests.poll() is None:
            tests.send_signal(signal.SIGINT)
            tests.wait(REMOVAL)
    return 0 if code == NOTHING else code


def sandboxed(command: list[str], prepared: Prepared, limit: float) -> int:
    """Run a command in a new sandbox; its exit code, 124 if it had to be ended."""
    directory = cache().parent / "e2e"
    directory.mkdir(parents=True, exist_ok=True)
    sandbox.clear_stale(directory)
    state = directory / f"{sandbox.PREFIX}{secrets.token_hex(3)}"
    keeper = subprocess.Popen(
        [sys.executable, "-I", str(HERE / "sandbox.py"), str(state), *command],
        stdin=subprocess.PIPE,
        env=os.environ | prepared.to_environment(),
        cwd=ROOT,
        start_new_session=True,  # a Ctrl-C is for us: the sandbox ends when we close the pipe
    )
    assert keeper.stdin is not None
    try:
        return keeper.wait(limit)
    except subprocess.TimeoutExpired:
        tell(f"not done after {limit:g} s: ended")
        return 124
    finally:
        keeper.stdin.close()
        keeper.wait(REMOVAL)


def in_sandbox(what: str, rest: list[str]) -> int:
    """All of it, on this machine."""
    if os.geteuid() != 0:
        raise SystemExit("e2e: nodes, networks and mounts need root. Run it as root, or with CLUSTER=current.")
    subprocess.run([ROOT / "scripts/install_e2e_packages.sh"], check=True)
    begun = time.monotonic()
    prepared = prepare.prepare(tell, *(() if what == "smoke" else (prepare.RESEARCHERS,)))
    tell(f"prepared in {time.monotonic() - begun:.0f} s")
    if what == "shell":
        return sandboxed(rest, prepared, 24 * 3600)
    code = without_cluster(rest) if what == "all" else 0
    return sandboxed(pytest_command(what, rest), prepared, LIMITS[what]) or code


def on_current(what: str, flags: list[str]) -> int:
    """Against the cluster of the kubeconfig; tests that break nodes are left out."""
    registry = os.environ.get("REGISTRY")
    if not registry:
        raise SystemExit(
            "e2e: CLUSTER=current pulls its images: name the registry, REGISTRY=host/path (`make push`)."
        )
    prepared = prepare.named(registry, os.environ.get("TAG", "0.1.0"))
    command = pytest_command(what, [*(flags or ["-q"]), "--current-cluster"])
    return subprocess.run(command, env=os.environ | prepared.to_environment(), cwd=ROOT, check=False).returncode


def main(argv: list[str]) -> int:
    """What to run, and further arguments."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(sandbox.PR_SET_PDEATHSIG, signal.SIGTERM)  # make was killed: so are we
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    what, *rest = argv or ["all"]
    if what not in (*LIMITS, "shell"):
        raise SystemExit(f"e2e: expected smoke, all or shell. Received: {what!r}")
    if os.environ.get("CLUSTER") == "current":
        return on_current(what, rest)
    return in_sandbox(what, rest)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
