"""How often it is decided what to do for a job: once for each look at it, and what a look is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import akid_operator
import pytest
from akid_operator.work import reconcile
from scene import CORE, TWO, Scene

SHARED = {"log": {"claimName": "runs"}}
# Of a record, its pods and its objects.
KNOWN = {
    "job", "lost", "pods", "objects", "contents", "uids", "looked_at", "complete", "gang", "create_failures",
    "status_written", "waits_since", "progress", "endpoint",
}  # fmt: skip
OWNERS = {"record.py", "pods.py", "objects.py"}


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The state of the job at each decision."""
    result: list[str] = []
    real = reconcile.decide

    def counted(raw: dict[str, Any], *arguments: Any) -> Any:
        result.append(raw.get("status", {}).get("state", ""))
        return real(raw, *arguments)

    monkeypatch.setattr(reconcile, "decide", counted)
    return result


def test_a_job_of_which_nothing_must_be_read_is_decided_once(decided: list[str]) -> None:
    scene = Scene(engine=TWO)
    for _ in range(3):
        decided.clear()
        scene.run()
        assert len(decided) == 1


def test_all_that_a_plan_rests_on_is_one_look(decided: list[str]) -> None:
    scene = Scene(engine=TWO, scheduling={"gang": "volcano"})
    scene.store.gangs = frozenset({"scheduling.volcano.sh/v1beta1"})
    scene.run()
    group = "/apis/scheduling.volcano.sh/v1beta1/namespaces/lab/podgroups/digits"
    scene.server.put(group, scene.server.objects[group] | {"status": {"phase": "Running"}})
    scene.run()
    del scene.server.objects[f"{CORE}/pods/digits-worker-1"]
    scene.new_leader()
    scene.store.gangs = frozenset({"scheduling.volcano.sh/v1beta1"})
    decided.clear()
    scene.run()
    assert scene.server.log[-1] == "POST pods"
    assert {"GET podgroups", "GET configmaps", "GET pods"} <= set(scene.server.reads)
    assert len(scene.server.reads) == len(set(scene.server.reads)) + 1  # two Services
    assert len(decided) == 2


def test_claims_are_a_look_of_their_own_and_a_refusal_a_decision_more(decided: list[str]) -> None:
    scene = Scene(engine=TWO, volumes=SHARED)
    runs = {"metadata": {"name": "runs", "namespace": "lab"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    scene.server.put(f"{CORE}/persistentvolumeclaims/runs", runs)
    scene.run()
    assert scene.reason("Failed") == "InvalidTemplate"
    assert len(decided) == 2


def test_a_job_that_is_changed_all_the_time_does_not_keep_a_worker(decided: list[str]) -> None:
    scene = Scene()
    real = scene.server._put  # pyright: ignore

    def changed_before(call: Any) -> Any:
        scene.server.put(call.path.removesuffix("/status"), scene.job)
        return real(call)

    scene.server._put = changed_before  # pyright: ignore
    assert scene.run() == 0.0
    assert len(decided) == reconcile.LOOKS


def test_only_a_record_changes_what_is_known() -> None:
    root = Path(akid_operator.__file__).parent
    changed = [
        f"{path.relative_to(root)}:{target.lineno}: {ast.unparse(target)}"
        for path in sorted(root.rglob("*.py"))
        if path.name not in OWNERS
        for node in ast.walk(ast.parse(path.read_text()))
        for target in targets(node)
        if changes_what_is_known(target)
    ]
    assert changed == []


def targets(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns or deletes."""
    if isinstance(node, ast.Assign | ast.Delete):
        found = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        found = [node.target]
    else:
        return []
    return [part for target in found for part in (target.elts if isinstance(target, ast.Tuple) else [target])]


def changes_what_is_known(target: ast.expr) -> bool:
    """Whether it is an attribute of a record, or something in it; `self.x` is the object's own."""
    while isinstance(target, ast.Subscript):
        target = target.value
    if not isinstance(target, ast.Attribute) or target.attr not in KNOWN:
        return False
    return not (isinstance(target.value, ast.Name) and target.value.id == "self")
