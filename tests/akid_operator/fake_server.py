"""An API server in memory: what the operator relies on, and nothing more.

A pod that runs, or is bound to a node, is not gone when it is deleted: it terminates until its node lets it go.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from akid_operator.kube.api import Answer, Api, Call
from akid_operator.serve.metrics import kind_of

from akid.job.api.base import format_time

#: Seconds a pod has to end.
GRACE = 5
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeServer(Api):
    """Objects by path. `refuse[(method, kind)]` is answered instead, once each. `log` has the writes.

    Args:
        now: its clock.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: EPOCH) -> None:
        super().__init__(None)  # pyright: ignore
        self.now = now
        self.objects: dict[str, dict[str, Any]] = {}
        self.refuse: dict[tuple[str, str], list[Answer]] = {}
        self.log: list[str] = []
        self.reads: list[str] = []
        self._numbers = itertools.count(100)

    def put(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Have an object, as if somebody had made or changed it."""
        number = next(self._numbers)
        metadata = {"uid": f"uid-{number}", **manifest["metadata"], "resourceVersion": str(number)}
        self.objects[path] = copy.deepcopy(manifest | {"metadata": metadata})
        return copy.deepcopy(self.objects[path])

    def remove(self, path: str) -> dict[str, Any]:
        """Have an object no more; as it was at its end."""
        old = self.objects.pop(path)
        return old | {"metadata": old["metadata"] | {"resourceVersion": str(next(self._numbers))}}

    def take_away(self, path: str, grace: int | None = None) -> dict[str, Any]:
        """Delete an object as the server does; a pod that a node knows only if it is to be gone at once."""
        known = self.objects[path]
        if kind_of(path) != "pods" or grace == 0 or not self._held(known):
            return self.remove(path)
        if "deletionTimestamp" in known["metadata"]:
            return copy.deepcopy(known)
        due = self.now() + timedelta(seconds=GRACE)
        going = {"deletionTimestamp": format_time(due), "deletionGracePeriodSeconds": GRACE}
        return self.put(path, known | {"metadata": known["metadata"] | going})

    @staticmethod
    def _held(pod: dict[str, Any]) -> bool:
        """Whether a node has to let it go."""
        phase, node = pod["status"]["phase"], pod["spec"].get("nodeName")
        return phase == "Running" or (phase == "Pending" and node is not None)

    async def exchange(self, call: Call) -> Answer:
        kind = kind_of(call.path)
        (self.log if call.writes else self.reads).append(f"{call.method} {kind}")
        refusals = self.refuse.get((call.method, kind))
        if refusals:
            return refusals.pop(0)
        return getattr(self, f"_{call.method.lower()}")(call)

    def _get(self, call: Call) -> Answer:
        if call.path in self.objects:
            return Answer(200, None, copy.deepcopy(self.objects[call.path]))
        if kind_of(call.path) == call.path.rpartition("/")[2]:
            fields, labels = call.query.get("fieldSelector", ""), call.query.get("labelSelector", "")
            inside = [item for path, item in self.objects.items() if path.startswith(f"{call.path}/")]
            items = [item for item in inside if selected(item, fields) and labelled(item, labels)]
            version = {"resourceVersion": str(next(self._numbers))}
            return Answer(200, None, {"metadata": version, "items": copy.deepcopy(items)})
        return Answer(404, None, {"reason": "NotFound"})

    def _post(self, call: Call) -> Answer:
        assert call.body is not None
        path = f"{call.path}/{call.body['metadata']['name']}"
        if path in self.objects:
            return Answer(409, None, {"reason": "AlreadyExists"})
        return Answer(201, None, self.put(path, call.body | {"status": {"phase": "Pending"}}))

    def _put(self, call: Call) -> Answer:
        assert call.body is not None
        path = call.path.removesuffix("/status")
        known = self.objects.get(path)
        if known is None:
            return Answer(404, None, {"reason": "NotFound"})
        if known["metadata"]["resourceVersion"] != call.body["metadata"]["resourceVersion"]:
            return Answer(409, None, {"reason": "Conflict"})
        parts = ("status",) if call.path != path else ("spec",)
        return Answer(200, None, self.put(path, known | {part: call.body[part] for part in parts}))

    def _delete(self, call: Call) -> Answer:
        assert call.body is not None
        known = self.objects.get(call.path)
        if known is None:
            return Answer(404, None, {"reason": "NotFound"})
        if not call.body["preconditions"].items() <= known["metadata"].items():
            return Answer(409, None, {"reason": "Conflict"})
        return Answer(200, None, self.take_away(call.path, call.body.get("gracePeriodSeconds")))


def selected(item: dict[str, Any], selector: str) -> bool:
    """Whether a field selector (`a.b=c,d!=e`) chooses an object."""
    for term in filter(None, selector.split(",")):
        field, _, value = term.partition("=")
        found: Any = item
        for name in field.removesuffix("!").split("."):
            found = found.get(name, "") if isinstance(found, dict) else ""
        if (str(found) == value) is field.endswith("!"):
            return False
    return True


def labelled(item: dict[str, Any], selector: str) -> bool:
    """Whether a label selector (`a=b,c`) chooses an object."""
    labels = item["metadata"].get("labels", {})
    terms = [term.partition("=") for term in selector.split(",") if term]
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in terms)
