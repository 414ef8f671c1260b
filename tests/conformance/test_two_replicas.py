"""Every block of the table, on two replicas: each takes its rows, and together they give what one gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conformance.blocks import ROWS
from conformance.rows import Row

PROGRAM = Path(__file__).with_name("replica_rows.py")
#: What they give is of the batch as a whole, not a mean over examples: several replicas give the mean of theirs.
OF_THE_WHOLE_BATCH = {
    "KLRegularizationLayer",  # of the mean and the variance over the batch
    "MarginRankingLossLayer",  # over the pairs that were mined
    "MeanAveragePrecisionLayer",  # of the order of all; over a whole split it is exact
}


@pytest.fixture(scope="module")
def differences() -> dict[str, float]:
    paths = [str(PROGRAM.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_two_replicas_give_what_one_gives(row: Row, differences: dict[str, float]) -> None:
    assert (differences[row.id] > 1e-5) is (row.id in OF_THE_WHOLE_BATCH)
