"""Who is who: a token for each component, so that RBAC is as real for them as in any cluster."""

import base64
import json
import secrets
from pathlib import Path
from typing import Any


def write_tokens(path: Path, users: dict[str, list[str]]) -> dict[str, str]:
    """Make a token for each user (name -> groups), write the API server's table of them, return them by user."""
    tokens = {user: secrets.token_hex(16) for user in users}
    rows = [f'{tokens[user]},{user},{user},"{",".join(groups)}"' for user, groups in users.items()]
    path.touch(mode=0o600)
    path.write_text("\n".join(rows) + "\n")
    return tokens


def write_signing_key(path: Path) -> None:
    """Write a new P-256 private key, which signs the tokens of service accounts.

    An ECPrivateKey (RFC 5915) is 32 random bytes in a fixed frame; its public half may be left
    out. So the tests need neither openssl nor a cryptography package.
    """
    der = bytes.fromhex("30310201010420") + secrets.token_bytes(32) + bytes.fromhex("a00a06082a8648ce3d030107")
    body = base64.b64encode(der).decode()
    path.touch(mode=0o600)
    path.write_text(f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n")


def write_kubeconfig(path: Path, url: str, authority: Path, token: str, namespace: str = "default") -> Path:
    """Write a kubeconfig (JSON is YAML) that stands for itself: the authority is inside."""
    cluster = {
        "server": url,
        "certificate-authority-data": base64.b64encode(authority.read_bytes()).decode(),
    }
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user", "namespace": namespace}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
    return path
