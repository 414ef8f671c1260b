"""A Kid as a part of an application: it learns the digits, is exported, served over HTTP, and asked by a client.

Run it: python examples/serve_digits.py. It needs the extra `akid[serve]`. `akid serve` of the directory of an
`akid run` does the same with its best checkpoint; docs/serving.md has the protocols.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np

from akid import DigitsSource, Kid, MomentumKongFu, Sensor
from akid.models.brains import MLP


def setup(max_steps: int = 600) -> Kid:
    """Two layers that learn the digits."""
    sensor = Sensor(DigitsSource(num_val=300), batch_size=64)
    return Kid(sensor, MLP(), MomentumKongFu(lr_scheme=0.1), max_steps=max_steps, log_dir="runs/serve_digits")


@contextmanager
def served(models: Path) -> Iterator[str]:
    """The address of a server of the versions in this directory, while the block runs."""
    command = [sys.executable, "-m", "akid", "serve", str(models), "--name", "digits", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[-1]  # serving digits (version 1) at http://127.0.0.1:34567
        finally:
            server.terminate()  # requests at work are answered first


def ask(address: str, images: np.ndarray) -> np.ndarray:
    """The probabilities ``[batch, 10]`` of images as the brain takes them, by TensorFlow Serving's protocol."""
    body = json.dumps({"instances": images.tolist(), "output_filter": ["loss"]}).encode()
    with urlopen(Request(f"{address}/v1/models/digits:predict", body), timeout=60) as response:
        return np.array(json.load(response)["predictions"])


if __name__ == "__main__":
    kid = setup()
    kid.practice()
    kid.export("runs/serve_digits/models/1")
    images, digits = (part[:8].numpy() for part in kid.sensor.batch(0, "val"))
    with served(Path("runs/serve_digits/models")) as address:
        print(f"they are {digits.tolist()}, it says {ask(address, images).argmax(-1).tolist()}")
