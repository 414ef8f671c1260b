"""The image of the cluster's own needs, made without any tool: busybox, also the pods' sandbox (`pause`)."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from e2e.configs import PAUSE

BUSYBOX = Path("/bin/busybox")
# Process 1 of a pod: waits, and ends when it is told to.
PAUSE_SCRIPT = """#!/bin/busybox sh
trap 'exit 0' INT TERM
while :; do /bin/busybox sleep 86400 & wait $!; done
"""
TOOLS = ("sh", "cat", "env", "hostname", "id", "ls", "nc", "nslookup", "ping", "sleep", "touch", "true", "wget")


def base(archive: Path) -> Path:
    """Write the image as a docker archive, unless it is there."""
    if not archive.exists():
        layer = _layer()
        digest = hashlib.sha256(layer).hexdigest()
        config: dict[str, Any] = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/pause"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
        manifest = [{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]
        unfinished = archive.with_suffix(".new")
        with tarfile.open(unfinished, "w") as tar:
            _add(tar, "layer.tar", layer)
            _add(tar, "config.json", json.dumps(config).encode())
            _add(tar, "manifest.json", json.dumps(manifest).encode())
        unfinished.rename(archive)
    return archive


def _layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, mode in {"bin": 0o755, "etc": 0o755, "tmp": 0o1777}.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        _add(tar, "bin/busybox", BUSYBOX.read_bytes(), 0o755)
        _add(tar, "pause", PAUSE_SCRIPT.encode(), 0o755)
        _add(tar, "etc/passwd", b"root:x:0:0::/:/bin/sh\n")
        for tool in TOOLS:
            entry = tarfile.TarInfo(f"bin/{tool}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
