"""Clients that ask a server as fast as it answers, in a process of their own.

``python -m tests.benchmarks.load HOST:PORT PATH FILE CLIENTS SECONDS`` posts the file and prints the
milliseconds of each request as a JSON list. It fails if an answer is not 200.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def ask(address: str, path: str, body: bytes, seconds: float) -> list[float]:
    """One client, one connection."""
    connection = http.client.HTTPConnection(address, timeout=60)
    times = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {answer!r}")
        times.append(1000 * (time.perf_counter() - start))
    connection.close()
    return times


def main(address: str, path: str, file: str, clients: str, seconds: str) -> None:
    """Print what the clients measured."""
    body = Path(file).read_bytes()
    with ThreadPoolExecutor(int(clients)) as pool:
        asked = [pool.submit(ask, address, path, body, float(seconds)) for _ in range(int(clients))]
        print(json.dumps([milliseconds for one in asked for milliseconds in one.result()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
