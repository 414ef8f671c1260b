"""``akid serve`` as a process: a client that is not ours speaks to it, and SIGTERM ends it in peace."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from serving.servers import DEADLINE, blobs_kid, wait_until

CLIENT = Path(__file__).with_name("triton_client.py")
DATA = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def kid(tmp_path_factory):
    return blobs_kid(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def server(kid):
    """The process, and where it listens."""
    options = ["--name", "small", "--port", "0", "--max-wait-ms", "3000", "--max-batch-size", "5"]
    command = [sys.executable, "-m", "akid", "serve", str(kid.export()), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        (address,) = re.findall(r"^serving small \(version 1\) at http://(127\.0\.0\.1:\d+)$", line)
        yield process, address
    finally:
        process.kill()
        process.wait(DEADLINE)
        process.stdout.close()


def test_a_client_that_is_not_ours_gets_what_the_kid_predicts(kid, server, tmp_path):
    np.savez(tmp_path / "known.npz", data=DATA, **kid.predict(DATA))
    command = [sys.executable, str(CLIENT), server[1], "small", str(tmp_path / "known.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_told_to_end_it_answers_what_it_has_begun(server):
    """The request waits for others three seconds; none come."""
    process, address = server
    with httpx.Client(base_url=f"http://{address}", timeout=DEADLINE) as client, ThreadPoolExecutor(1) as pool:
        request = {"instances": DATA[:1].tolist()}
        answer = pool.submit(client.post, "/v1/models/small:predict", json=request)
        wait_until(lambda: "akid_serving_in_flight 1\n" in client.get("/metrics").text)
        process.send_signal(signal.SIGTERM)
        assert answer.result(DEADLINE).status_code == 200
    assert process.wait(DEADLINE) == 0
