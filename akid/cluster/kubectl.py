"""kubectl as a subprocess: its context, its credentials and its plugins are the user's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from akid.errors import AkidError

Json = dict[str, Any]
#: Seconds for an answer; a log that is followed takes as long as it takes.
TIMEOUT = 60.0


class KubectlError(AkidError):
    """kubectl is not there, or the cluster does not do what it was asked."""


class Kubectl:
    """A cluster and a namespace, as kubectl sees them.

    Args:
        namespace: that of kubectl's context if left out.
        context: kubectl's current one if left out.
        program: kubectl.

    Raises:
        KubectlError: there is no such program.
    """

    def __init__(self, namespace: str = "", context: str = "", program: str = "kubectl") -> None:
        if shutil.which(program) is None:
            raise KubectlError(
                f"{program} is not on the PATH: akid asks a cluster by it, with its credentials. Install it, or "
                "give the run directory of `akid run`."
            )
        self._argv = [program]
        self._argv += [f"--context={context}"] if context else []
        self._argv += [f"--namespace={namespace}"] if namespace else []

    def text(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints.

        Args:
            arguments: of kubectl.
            given: its standard input.

        Raises:
            KubectlError: it fails, or takes too long; with its own words.
        """
        argv = [*self._argv, *arguments]
        try:
            done = subprocess.run(
                argv, input=given, capture_output=True, text=True, errors="replace", timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(f"kubectl {arguments[0]} has not answered for {TIMEOUT:.0f} s.") from None
        if done.returncode:
            raise KubectlError(_failed(arguments, done.stderr))
        return done.stdout

    def get(self, *arguments: str) -> Json:
        """What `kubectl get` finds; {} if there is nothing of that name. See `text`."""
        return json.loads(self.text("get", *arguments, "--ignore-not-found", "--output=json") or "{}")

    def lines(self, *arguments: str) -> Iterator[str]:
        """The lines kubectl prints, as they come. See `text`."""
        argv = [*self._argv, *arguments]
        with subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                yield from process.stdout
                complaint = process.stderr.read()
                process.wait()
            except BaseException:  # nobody wants to hear more
                process.terminate()
                raise
        if process.returncode:
            raise KubectlError(_failed(arguments, complaint))


def _failed(arguments: Sequence[str], complaint: str) -> str:
    if "the server doesn't have a resource type" in complaint:
        return "the cluster has no AkidJobs. Install charts/akid-operator, or choose another --context."
    said = " ".join(complaint.split()) or "it said nothing"
    return f"kubectl {arguments[0]} failed: {said}"
