"""Which namespace may use what: the allow-list. Pure.

Whoever may create pods in a namespace may ask for any inline volume there: this list is the only guard.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, cast

from akid_csi.attributes import SERVER, VOLUME, Source, Wanted, components
from akid_csi.refusal import Code, Refusal

ANY = "*"
#: In a path of a rule: the namespace of the pod.
PLACEHOLDER = "${namespace}"
KNOWN = ("namespaces", "servers", "volume", "paths", "readOnly")


@dataclass(frozen=True)
class Rule:
    """What some namespaces may use.

    Args:
        namespaces: their names; `*` for all, `team-*` for all that begin so.
        servers: those a pod may name, all or some of them; the client asks all, in this order.
        volume: the volume's name.
        paths: directories, with all below them; none for the whole volume.
        read_only: for reading only.
    """

    namespaces: tuple[str, ...]
    servers: tuple[str, ...]
    volume: str
    paths: tuple[tuple[str, ...], ...]
    read_only: bool = False

    def granted(self, namespace: str, wanted: Wanted) -> Wanted | None:
        """What a pod of the namespace gets; None for nothing."""
        depths = [len(prefix) for prefix in self.paths if _below(wanted.path, prefix, namespace)]
        permitted = (
            any(_matches(pattern, namespace) for pattern in self.namespaces)
            and wanted.source.volume == self.volume
            and set(self.servers).issuperset(wanted.source.servers)
            and (wanted.read_only or not self.read_only)
            and depths
        )
        if not permitted:
            return None
        source = Source(self.servers, self.volume)
        return dataclasses.replace(wanted, source=source, above=max(min(depths) - 1, 0))


def granted(rules: tuple[Rule, ...], namespace: str, wanted: Wanted) -> Wanted:
    """What the rule gives that permits it, of several the one that permits most of the way to it.

    Its servers are the rule's: however pods name some of them, a volume has one client.

    Raises:
        Refusal: PERMISSION_DENIED. It does not tell what others may use.
    """
    found = [grant for rule in rules if (grant := rule.granted(namespace, wanted))]
    if found:
        return min(found, key=lambda grant: grant.above)
    purpose = "read" if wanted.read_only else "write"
    raise Refusal(
        Code.PERMISSION_DENIED,
        f"namespace {namespace!r} may not {purpose} {wanted}: no rule of the driver's allow-list permits it. "
        "Ask whoever installed the driver, or name another volume or subDir.",
    )


def parsed(text: str) -> tuple[Rule, ...]:
    """The rules of an allow-list, `{"rules": [...]}` in JSON; an empty text has none.

    Raises:
        ValueError: it is not one; with the place of the fault.
    """
    if not text.strip():
        return ()
    content = json.loads(text)
    if not isinstance(content, dict) or set(cast(dict[str, Any], content)) - {"rules"}:
        raise ValueError('expected {"rules": [...]} and nothing beside it')
    rules: Any = cast(dict[str, Any], content).get("rules") or []
    if not isinstance(rules, list):
        raise ValueError(f"rules: expected a list. Received: {rules!r}")
    return tuple(_rule(f"rules[{index}]", entry) for index, entry in enumerate(cast(list[Any], rules)))


def _rule(at: str, entry: Any) -> Rule:
    if not isinstance(entry, dict):
        raise ValueError(f"{at}: expected a mapping. Received: {entry!r}")
    fields = cast(dict[str, Any], entry)
    for name in fields:
        if name not in KNOWN:
            raise ValueError(f"{at}.{name}: unknown field. Known: {', '.join(KNOWN)}")
    read_only, volume = fields.get("readOnly", False), fields.get("volume")
    if not isinstance(read_only, bool):
        raise ValueError(f"{at}.readOnly: expected true or false. Received: {read_only!r}")
    if not isinstance(volume, str) or not VOLUME.fullmatch(volume):
        raise ValueError(f"{at}.volume: expected a volume's name. Received: {volume!r}")
    servers = _texts(f"{at}.servers", fields.get("servers"))
    for server in servers:
        if not SERVER.fullmatch(server):
            raise ValueError(f"{at}.servers: expected names or addresses without ports. Received: {server!r}")
    return Rule(
        namespaces=_texts(f"{at}.namespaces", fields.get("namespaces")),
        servers=tuple(dict.fromkeys(servers)),
        volume=volume,
        paths=tuple(_prefix(f"{at}.paths", path) for path in _texts(f"{at}.paths", fields.get("paths"))),
        read_only=read_only,
    )


def _texts(at: str, value: Any) -> tuple[str, ...]:
    """A list that must be there and say something: what is left out permits nothing, rather than all."""
    entries = cast(list[Any], value) if isinstance(value, list) else []
    if not entries or not all(isinstance(entry, str) and entry for entry in entries):
        raise ValueError(f"{at}: expected a list of texts, at least one. Received: {value!r}")
    return tuple(entries)


def _prefix(at: str, path: str) -> tuple[str, ...]:
    try:
        return components(path)
    except Refusal as refusal:
        raise ValueError(f"{at}: {refusal}") from None


def _matches(pattern: str, namespace: str) -> bool:
    return namespace == pattern or (pattern.endswith(ANY) and namespace.startswith(pattern[:-1]))


def _below(path: tuple[str, ...], prefix: tuple[str, ...], namespace: str) -> bool:
    """Component by component: `data` permits `data/mnist` and not `database`."""
    place = tuple(name.replace(PLACEHOLDER, namespace) for name in prefix)
    return path[: len(place)] == place
