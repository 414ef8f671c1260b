"""`akid serve` under load: LeNet, one image a request, batching on and off, and a plain loop of predict calls.

Then a new version is published under the same load, and no request may fail.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import numpy as np

from akid import ArraySource, Kid, Sensor
from akid.models.brains import LeNet
from tests.benchmarks.rows import Row

CLIENTS = 16
SERVERS = {"batching on": "64", "batching off": "1"}


def run(seconds: float = 5, rounds: int = 5) -> list[Row]:
    """Requests a second against predict calls a second, and the time of a request.

    Args:
        seconds: of a round of each.
        rounds: they take turns.
    """
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        kid = _kid(Path(directory) / "run")
        image = np.random.default_rng(1).integers(0, 255, [1, 28, 28, 1], np.uint8)
        body = Path(directory) / "body.json"
        request = {"signature_name": "raw", "instances": image.tolist(), "output_filter": ["loss"]}
        body.write_text(json.dumps(request))
        model = kid.export(Path(directory) / "models" / "1")
        addresses = {name: stack.enter_context(_server(model.parent, size)) for name, size in SERVERS.items()}
        _loop(kid, image, 0.2)
        loops: list[float] = []
        times: dict[str, list[list[float]]] = {name: [] for name in SERVERS}
        for number in range(rounds):
            loops.append(_loop(kid, image, seconds))
            for name in sorted(SERVERS, reverse=bool(number % 2)):
                times[name].append(_load(addresses[name], body, seconds))
        failed = _failures_while_published(kid, model.parent, addresses["batching on"], body, seconds)
    told = "requests that fail while a version is published"
    rows = [Row(told, [failed], 0, at_least=False, unit="")]
    for name, measured in times.items():
        ratios = [len(one) / seconds / loop for one, loop in zip(measured, loops, strict=True)]
        percentiles = [statistics.quantiles(one, n=100, method="inclusive") for one in measured]
        rows += [
            Row(f"requests/s, {CLIENTS} clients, {name}, to predict calls/s", ratios, None),
            Row(f"p50 of a request, {CLIENTS} clients, {name}", [p[49] for p in percentiles], None, unit="ms"),
            Row(f"p99 of a request, {CLIENTS} clients, {name}", [p[98] for p in percentiles], None, unit="ms"),
        ]
    return rows


def _kid(log_dir: Path) -> Kid:
    rng = np.random.default_rng(0)
    source = ArraySource(rng.integers(0, 255, [64, 28, 28, 1], np.uint8), rng.integers(0, 10, 64), scale=True)
    kid = Kid(Sensor(source, 32), LeNet(), max_steps=1, log_dir=log_dir, do_summary=False, progress=False)
    kid.setup()
    return kid


@contextmanager
def _server(models: Path, batch: str) -> Iterator[str]:
    """Where it listens."""
    options = ["--port", "0", "--max-batch-size", batch, "--max-wait-ms", "0", "--poll-seconds", "0.5"]
    command = [sys.executable, "-m", "akid", "serve", str(models), "--name", "lenet", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().split("//")[-1].strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _clients(address: str, body: Path, seconds: float) -> subprocess.Popen[str]:
    """Clients that ask for so long."""
    arguments = [address, "/v1/models/lenet:predict", str(body), str(CLIENTS), str(seconds)]
    command = [sys.executable, "-m", "tests.benchmarks.load", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _load(address: str, body: Path, seconds: float) -> list[float]:
    """Milliseconds of each request."""
    told = json.loads(_clients(address, body, seconds).communicate(timeout=60 + seconds)[0])
    if told["failed"]:
        raise RuntimeError(f"{told['failed']} requests failed")
    return told["milliseconds"]


def _failures_while_published(kid: Kid, models: Path, address: str, body: Path, seconds: float) -> int:
    """How many requests fail while version 2 takes over from version 1."""
    clients = _clients(address, body, seconds + 10)
    kid.export(models.parent / "next").rename(models / "2")
    while '"2"' not in _get(address, "/v1/models/lenet"):
        if clients.poll() is not None:
            raise RuntimeError("the new version was not served while the clients asked")
        time.sleep(0.1)
    told = json.loads(clients.communicate(timeout=60 + seconds)[0])
    return told["failed"]


def _get(address: str, path: str) -> str:
    with urlopen(f"http://{address}{path}", timeout=60) as response:
        return response.read().decode()


def _loop(kid: Kid, image: np.ndarray, seconds: float) -> float:
    """Calls a second, one after the other."""
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        kid.predict(image, raw=True)
        calls += 1
    return calls / (time.perf_counter() - start)


if __name__ == "__main__":
    print(*run(), sep="\n")
