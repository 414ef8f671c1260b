"""What the tests of faults compare with."""

from __future__ import annotations

import numpy as np
import pytest
from faults.trials import Trial


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> dict[str, np.ndarray]:
    """What the job learns when nothing happens."""
    trial = Trial(tmp_path_factory.mktemp("undisturbed"))
    ended = trial.run()
    assert ended.code == 0, ended.errors
    assert (ended.count("restarts"), ended.count("restarts in place")) == (0, 0)
    return trial.parameters()
