"""What a supervisor does at its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from runner.stubs import alive

from akid.trainer import supervisor
from akid.trainer.launch import Zygote
from akid.trainer.settings import settings_of


@pytest.mark.parametrize("fails", [False, True])
def test_the_zygote_ends_first_so_that_nobody_waits_for_what_it_may_say(tmp_path: Path, monkeypatch, fails: bool):
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(supervisor, "Zygote", lambda fds, tell: Zygote(fds, tell, argv))
    monkeypatch.delenv("AKID_ZYGOTE", raising=False)
    env = {"AKID_RENDEZVOUS": "127.0.0.1:9", "AKID_IS_CHIEF": "0", "AKID_TERMINATION_LOG": str(tmp_path / "last")}
    ends = supervisor.Supervisor(settings_of(env))
    assert ends._zygote is not None

    def generations() -> int:
        if fails:
            raise PermissionError("the token is refused")
        return 0

    monkeypatch.setattr(ends, "_generations", generations)
    monkeypatch.setattr(supervisor, "hear_signals", lambda tell: None)
    assert ends.run() == int(fails)
    assert not alive(ends._zygote.pid)
    os.close(ends._report)
