"""A registry with TLS and a password: Debian's docker-registry."""

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
        host: as images are named, e.g. `127.0.0.1:port`.
        certificates: directory with the certificate that vouches for it, as tools take it (`--cert-dir`).
        credentials: file of whom is logged in there, as tools take it (`REGISTRY_AUTH_FILE`).
    """

    host: str
    certificates: Path
    credentials: Path

    def login(self) -> list[str]:
        """Log buildah in; its flags from then on."""
        flags = ["--authfile", str(self.credentials), "--cert-dir", str(self.certificates)]
        _run("buildah", "login", *flags, "-u", USER, "-p", PASSWORD, self.host)
        return flags


@contextmanager
def registry(directory: Path) -> Generator[Registry]:
    """Run one on the loopback interface, its data in this directory."""
    with Port() as port:
        host = f"127.0.0.1:{port.number}"
        with registry_at(directory, host, host, "IP:127.0.0.1") as here:
            yield here


@contextmanager
def registry_at(directory: Path, host: str, address: str, subject: str) -> Generator[Registry]:
    """Run one.

    Args:
        directory: for its data.
        host: as images are named.
        address: and port it listens on.
        subject: of its certificate, e.g. `DNS:` and a name.
    """
    certificates = directory / "certificates"
    certificates.mkdir()
    key, certificate = directory / "key.pem", certificates / "ca.crt"
    name = ["-subj", "/CN=registry", "-addext", f"subjectAltName={subject}"]
    kind = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    _run("openssl", "req", "-x509", *kind, *name)
    (directory / "htpasswd").write_text(_run("htpasswd", "-Bbn", USER, PASSWORD))
    config = directory / "config.yml"
    # JSON is YAML.
    config.write_text(json.dumps(_config(directory, address, certificate, key)))
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        trust = ssl.create_default_context(cafile=str(certificate))
        wait_for(lambda: _asks_for_a_password(f"https://{host}/v2/", trust), "the registry answers", 20)
        yield Registry(host, certificates, directory / "auth.json")
    finally:
        process.terminate()
        process.wait(10)


def _config(directory: Path, address: str, certificate: Path, key: Path) -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": address, "tls": {"certificate": str(certificate), "key": str(key)}},
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
