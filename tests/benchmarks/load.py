"""Clients that ask a server as fast as it answers, in a process of their own.

``python -m tests.benchmarks.load HOST:PORT PATH FILE CLIENTS SECONDS`` posts the file and prints as JSON the
``milliseconds`` of each request that was answered with 200, and how many ``failed``.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def ask(address: str, path: str, body: bytes, seconds: float) -> tuple[list[float], int]:
    """One client, one connection: milliseconds of its requests, and how many failed."""
    connection = http.client.HTTPConnection(address, timeout=60)
    times, failed = [], 0
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        connection.request("POST", path, body)
        response = connection.getresponse()
        response.read()
        if response.status == 200:
            times.append(1000 * (time.perf_counter() - start))
        else:
            failed += 1
    connection.close()
    return times, failed


def main(address: str, path: str, file: str, clients: str, seconds: str) -> None:
    """Print what the clients measured."""
    body = Path(file).read_bytes()
    with ThreadPoolExecutor(int(clients)) as pool:
        asked = [pool.submit(ask, address, path, body, float(seconds)) for _ in range(int(clients))]
        told = [one.result() for one in asked]
    milliseconds = [one for times, _ in told for one in times]
    print(json.dumps({"milliseconds": milliseconds, "failed": sum(failed for _, failed in told)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
