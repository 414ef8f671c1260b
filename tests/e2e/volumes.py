"""The GlusterFS cluster of the sandbox, and volumes on it as a job names them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from csi.gluster import Gluster
from e2e.prepare import OWNER

VOLUME = "rep3"
#: Below it, what every namespace may read.
DATASETS = "datasets"
TIMEOUT = 60
WRITER = Path(__file__).with_name("records.py")


def started() -> Gluster:
    """Three nodes, and a volume with a replica on each."""
    gluster = Gluster(Path(os.environ["AKID_SANDBOX"]) / "gluster")
    gluster.up()
    gluster.volume(VOLUME)
    return gluster


def rules(gluster: Gluster) -> list[dict[str, Any]]:
    """For the chart: a namespace writes in its own directory, and reads the data sets."""
    of = {"servers": gluster.servers, "volume": VOLUME}
    return [
        {"namespaces": ["e2e-*"], **of, "paths": ["${namespace}"]},
        {"namespaces": ["e2e-*"], **of, "paths": [DATASETS], "readOnly": True},
    ]


def of_job(gluster: Gluster, namespace: str) -> dict[str, Any]:
    """The volumes of a job: the data sets' digits to read, its namespace's directory to write."""
    source = {"servers": gluster.servers, "volume": VOLUME}
    return {
        "data": {"glusterfs": {**source, "path": f"{DATASETS}/digits", "readOnly": True}},
        "log": {"glusterfs": {**source, "path": namespace}},
    }


@contextmanager
def opened(gluster: Gluster) -> Generator[Path]:
    """The volume's root, mounted here, to put something there or to look."""
    place = gluster.directory / "opened"
    place.mkdir(exist_ok=True)
    servers = ":".join(gluster.servers[1:])
    options = f"backup-volfile-servers={servers},log-file={gluster.directory}/opened.log,attribute-timeout=0"
    source = f"{gluster.servers[0]}:/{VOLUME}"
    subprocess.run(["mount", "-t", "glusterfs", "-o", options, source, str(place)], check=True, timeout=TIMEOUT)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True, timeout=TIMEOUT)


def saved(gluster: Gluster, namespace: str) -> list[int]:
    """The steps of the checkpoints that a namespace's job has left."""
    with opened(gluster) as root:
        return sorted(
            int(path.name.removeprefix("step-")) for path in (root / namespace).rglob("checkpoints/step-*")
        )


def with_digits(gluster: Gluster) -> None:
    """Put the digits there, unless they are, as TFRecord files of the trainer's user."""
    with opened(gluster) as root:
        directory = root / DATASETS / "digits"
        if not directory.exists():
            directory.mkdir(parents=True)
            subprocess.run([sys.executable, str(WRITER), str(directory)], check=True, timeout=3 * TIMEOUT)
            for path in (directory, *directory.iterdir()):
                os.chown(path, OWNER, OWNER)
