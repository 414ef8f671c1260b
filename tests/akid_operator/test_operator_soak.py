"""Two replicas in a storm: every write is right, and in the calm after it every job comes to its end."""

from __future__ import annotations

import pytest
from chaos import Chaos
from virtual_time import run_virtually


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_every_write_is_right_and_every_job_ends(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def soak() -> list[str]:
        return await Chaos(seed).run(600)

    assert run_virtually(monkeypatch, seed, soak()) == []
