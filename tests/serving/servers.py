"""Servers of small models on this machine's loopback, for the tests of this directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from cluster.waiting import wait_for
from loopback import free_ports

from akid import ArraySource, Brain, Kid, MomentumKongFu, Sensor
from akid.layers import InnerProductLayer, ReLULayer, SoftmaxWithLossLayer
from akid.serving.app import make_app
from akid.serving.service import Service

DEADLINE = 60


def blobs_kid(log_dir: Path, steps: int = 3, seed: int = 0) -> Kid:
    """A practised Kid of ``[4]`` to three classes; outputs ``ip2`` and ``loss``."""
    rng = np.random.default_rng(0)
    source = ArraySource(rng.normal(size=(40, 4)).astype(np.float32), rng.integers(0, 3, 40), num_val=10)
    brain = Brain("small").attach(
        InnerProductLayer(8, name="ip1"),
        ReLULayer(name="relu1"),
        InnerProductLayer(3, name="ip2"),
        SoftmaxWithLossLayer(3, name="loss", inputs=["ip2", {"name": "system_in", "idxs": [1]}]),
    )
    options: dict[str, Any] = {"do_summary": False, "progress": False, "seed": seed}
    kid = Kid(
        Sensor(source, batch_size=8), brain, MomentumKongFu(0.1), log_dir=log_dir, max_steps=steps, **options
    )
    kid.practice()
    return kid


@contextmanager
def serving(service: Service, poll: float = 0.05) -> Iterator[httpx.Client]:
    """A client of a server that listens."""
    (port,) = free_ports(1)
    config = uvicorn.Config(make_app(service, poll), host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
        assert not thread.is_alive()


def wait_until(holds: Any) -> None:
    """Wait for a condition, at most a minute."""
    wait_for(holds, "the condition", DEADLINE, every=0.01)
