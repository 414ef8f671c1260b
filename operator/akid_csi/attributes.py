"""What a pod asks for: the attributes of a volume, checked. Pure."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from akid_csi.refusal import Code, Refusal

NAMESPACE = "csi.storage.k8s.io/pod.namespace"
#: The owner of directories that are made: user and group of akid's images.
OWNER = 10001
#: With setgid, what pods of several users make stays the group's, as the kubelet's fsGroup has it.
MODE = 0o2770
MAX_SERVERS = 16
MAX_PATH = 4096
MAX_COMPONENT = 255
# Linux: -1 is nobody's number, it means "leave as it is".
MAX_ID = 2**32 - 2

SERVER = re.compile(r"[A-Za-z0-9]([-.A-Za-z0-9]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")
VOLUME = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_]{0,254}")
KNOWN = ("servers", "volume", "subDir", "uid", "gid", "mode")


@dataclass(frozen=True)
class Source:
    """A GlusterFS volume, as one FUSE client serves it.

    Args:
        servers: addresses or names, in the order they are asked for the volume's description.
        volume: its name.
    """

    servers: tuple[str, ...]
    volume: str

    def __str__(self) -> str:
        return f"{','.join(self.servers)}:/{self.volume}"


@dataclass(frozen=True)
class Wanted:
    """A directory of a volume, as a pod asks for it.

    Args:
        source: the volume.
        path: the directory's components below the volume's root; none for the root itself.
        read_only: nothing may be written, and nothing is made.
        uid: user that owns directories which are made.
        gid: group of them.
        mode: permission bits of them.
        above: how many of the first components lie above what its namespace may use: they are not given to it.
    """

    source: Source
    path: tuple[str, ...]
    read_only: bool = False
    uid: int = OWNER
    gid: int = OWNER
    mode: int = MODE
    above: int = 0

    def __str__(self) -> str:
        return f"{self.source}/{'/'.join(self.path)}"

    def alike(self, other: Wanted) -> bool:
        """Whether a pod that asks for one has asked for the other: the rest is the allow-list's."""
        same = dataclasses.replace(self, source=other.source, above=other.above) == other
        return same and self.source.volume == other.source.volume


def wanted(context: Mapping[str, str], *, read_only: bool) -> Wanted:
    """What the attributes of a volume ask for.

    Args:
        context: the volume's attributes; those with a "/" in their name are of Kubernetes and others.
        read_only: whether the pod, or the access mode, asks for reading only.

    Raises:
        Refusal: INVALID_ARGUMENT, with the attribute.
    """
    for name in context:
        if "/" not in name and name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(KNOWN)}."
            raise _invalid(f"unknown volume attribute. {hint} Received: {name!r}")
    return Wanted(
        source=Source(_servers(context.get("servers", "")), _volume(context.get("volume", ""))),
        path=components(context.get("subDir", "")),
        read_only=read_only,
        uid=_number(context, "uid", OWNER),
        gid=_number(context, "gid", OWNER),
        mode=_mode(context.get("mode")),
    )


def namespace(context: Mapping[str, str]) -> str:
    """The pod's namespace, by which the allow-list decides.

    Raises:
        Refusal: INVALID_ARGUMENT if the kubelet does not tell it.
    """
    found = context.get(NAMESPACE, "")
    if not found:
        raise _invalid(
            f"{NAMESPACE}: the pod's namespace is missing; the CSIDriver object needs podInfoOnMount: true."
        )
    return found


def components(path: str) -> tuple[str, ...]:
    """The names a path consists of; slashes at its ends and double ones do not count.

    Raises:
        Refusal: INVALID_ARGUMENT if the path could lead elsewhere, or is too long.
    """
    names = tuple(name for name in path.split("/") if name)
    if any(name in (".", "..") for name in names) or any(ord(letter) < 32 for letter in path):
        raise _invalid(f"subDir: expected a path without '.', '..' and control characters. Received: {path!r}")
    if len(path.encode()) > MAX_PATH or any(len(name.encode()) > MAX_COMPONENT for name in names):
        raise _invalid(f"subDir: expected at most {MAX_PATH} bytes, and {MAX_COMPONENT} a name.")
    return names


def _servers(text: str) -> tuple[str, ...]:
    servers = tuple(dict.fromkeys(name for name in (part.strip() for part in text.split(",")) if name))
    if not 1 <= len(servers) <= MAX_SERVERS:
        raise _invalid(f"servers: expected 1 to {MAX_SERVERS} addresses with commas between. Received: {text!r}")
    for server in servers:
        if not SERVER.fullmatch(server):
            raise _invalid(f"servers: expected names or addresses without ports. Received: {server!r}")
    return servers


def _volume(text: str) -> str:
    if not VOLUME.fullmatch(text):
        raise _invalid(
            f"volume: expected a volume's name (letters, digits, - and _); a directory of it is subDir. "
            f"Received: {text!r}"
        )
    return text


def _number(context: Mapping[str, str], name: str, default: int) -> int:
    text = context.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MAX_ID:
        raise _invalid(f"{name}: expected a number from 0 to {MAX_ID}. Received: {text!r}")
    return int(text)


def _mode(text: str | None) -> int:
    """Setuid and sticky are no use on a shared directory."""
    if text is None:
        return MODE
    if not re.fullmatch(r"[02]?[0-7]{3}", text):
        raise _invalid(f"mode: expected octal digits such as '0770', or '2770' with setgid. Received: {text!r}")
    return int(text, 8)


def _invalid(message: str) -> Refusal:
    return Refusal(Code.INVALID_ARGUMENT, message)
