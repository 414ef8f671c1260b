"""An API server in memory: what the reconciler relies on, and nothing more."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from akid_operator.kube.api import Answer, Api, Call
from akid_operator.serve.metrics import kind_of


class FakeServer(Api):
    """Objects by path. `refuse[(method, kind)]` is answered instead, once each. `log` has the writes."""

    def __init__(self) -> None:
        super().__init__(None)  # pyright: ignore
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
            selector = call.query.get("fieldSelector", "")
            items = [
                item
                for path, item in self.objects.items()
                if path.startswith(f"{call.path}/") and selected(item, selector)
            ]
            return Answer(200, None, {"metadata": {}, "items": copy.deepcopy(items)})
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
        return Answer(200, None, self.put(path, known | {"status": call.body["status"]}))

    def _delete(self, call: Call) -> Answer:
        assert call.body is not None
        known = self.objects.get(call.path)
        if known is None:
            return Answer(404, None, {"reason": "NotFound"})
        if not call.body["preconditions"].items() <= known["metadata"].items():
            return Answer(409, None, {"reason": "Conflict"})
        return Answer(200, None, self.objects.pop(call.path))


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
