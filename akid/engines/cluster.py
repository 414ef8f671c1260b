"""TF_CONFIG: which processes there are, and which of them this one is."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from akid.errors import AkidError

#: Seconds between two looks whether a process listens; after which TensorFlow is left to tell that it does not.
LOOK, PATIENCE = 0.02, 10.0


@dataclass(frozen=True)
class Cluster:
    """What ``TF_CONFIG`` says.

    Attributes:
        addresses: ``host:port`` of every process by role.
        role, index: of this process.
    """

    addresses: dict[str, list[str]]
    role: str
    index: int


def read_cluster(text: str, engine: str, form: str) -> Cluster:
    """The cluster in the text of ``TF_CONFIG``; this process is one of it.

    Args:
        text: of the variable.
        engine: who asks.
        form: an example that would be right.

    Raises:
        AkidError: it is missing, or not of that form.
    """
    if not text:
        raise AkidError(
            f"engine {engine!r}: the environment has no TF_CONFIG, which tells the members apart: {form}."
            " `akid run` and the operator set it."
        )
    try:
        config = json.loads(text)
        addresses = {str(role): [str(address) for address in given] for role, given in config["cluster"].items()}
        role, index = str(config["task"]["type"]), int(config["task"]["index"])
        if 0 <= index < len(addresses[role]):
            return Cluster(addresses, role, index)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise wrong_cluster(text, engine, form)


def wrong_cluster(text: str, engine: str, form: str) -> AkidError:
    """The error for a ``TF_CONFIG`` that an engine cannot use."""
    return AkidError(f"engine {engine!r}: TF_CONFIG must be like {form}. Received: TF_CONFIG={text!r}")


def wait_for_servers(addresses: Iterable[str], patience: float = PATIENCE) -> None:
    """Wait until processes listen that begin at the same time as this one.

    TensorFlow would ask by itself, but after one refusal a second passes until it asks again, then more.

    Args:
        addresses: ``host:port`` of each.
        patience: seconds, and a little more where a host does not answer at all.
    """
    end = time.monotonic() + patience
    for address in addresses:
        host, _, port = address.rpartition(":")
        while time.monotonic() < end and not _listens(host.strip("[]"), port):
            time.sleep(LOOK)


def _listens(host: str, port: str) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            # On one machine a port that nobody listens at may be chosen for this end too: then it meets itself.
            return connection.getsockname() != connection.getpeername()
    except OSError:
        return False
