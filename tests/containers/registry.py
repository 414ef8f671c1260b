"""A registry on the loopback interface, with TLS and a password: Debian's docker-registry."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.ports import Port
from cluster.waiting import wait_for

USER, PASSWORD = "researcher", "correct horse"


@dataclass(frozen=True)
class Registry:
    """A registry that runs.

    Attributes:
        host: `127.0.0.1:port`.
        certificates: directory with the certificate that vouches for it, as tools take it (`--cert-dir`).
    """

    host: str
    certificates: Path


@contextmanager
def registry(directory: Path) -> Generator[Registry]:
    """Run one, its data in this directory."""
    certificates = directory / "certificates"
    certificates.mkdir()
    key, certificate = directory / "key.pem", certificates / "ca.crt"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    _run("openssl", "req", "-x509", *kind, *name)
    (directory / "htpasswd").write_text(_run("htpasswd", "-Bbn", USER, PASSWORD))
    with Port() as port:
        host = f"127.0.0.1:{port.number}"
        config = directory / "config.yml"
        # JSON is YAML.
        config.write_text(json.dumps(_config(directory, host, certificate, key)))
        with (directory / "registry.log").open("wb") as log:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            trust = ssl.create_default_context(cafile=str(certificate))
            wait_for(lambda: _asks_for_a_password(f"https://{host}/v2/", trust), "the registry answers", 20)
            yield Registry(host, certificates)
        finally:
            process.terminate()
            process.wait(10)


def _config(directory: Path, host: str, certificate: Path, key: Path) -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": host, "tls": {"certificate": str(certificate), "key": str(key)}},
        "auth": {"htpasswd": {"realm": "akid", "path": str(directory / "htpasswd")}},
    }


def _asks_for_a_password(url: str, trust: ssl.SSLContext) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5, context=trust)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return False


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
