"""The cluster that kubectl reaches already: `make e2e CLUSTER=current`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from cluster import binaries
from cluster.api import Api
from cluster.reach import Reach
from cluster.waiting import wait_for


class CurrentCluster(Reach):
    """Use as a context manager. The client goes through `kubectl proxy`: it knows every way to log in."""

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="akid-e2e-current-"))
        argv = [*self._kubectl(None), "proxy", "--port=0"]
        self._log = self.directory / "proxy.log"
        with self._log.open("w") as log:
            self._proxy = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            port = wait_for(self._port, "kubectl proxy listens: is there a current context?", 30)
            self.admin = Api(f"http://127.0.0.1:{port}", None, "")
            wait_for(self.admin.answers, "the current cluster answers", 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._proxy.kill()
        self._proxy.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kubectl(self, kubeconfig: Path | None) -> list[str]:
        program = shutil.which("kubectl") or str(binaries.programs() / "kubectl")
        return [program, *([f"--kubeconfig={kubeconfig}"] if kubeconfig else [])]

    @property
    def kubeconfig(self) -> Path | None:
        """The administrator's; None for the one by default."""
        return Path(os.environ["KUBECONFIG"]) if os.environ.get("KUBECONFIG") else None

    def _port(self) -> str | None:
        if self._proxy.poll() is not None:
            raise RuntimeError(f"kubectl proxy has ended:\n{self._log.read_text()}")
        found = re.search(r"127\.0\.0\.1:(\d+)", self._log.read_text())
        return found[1] if found else None
