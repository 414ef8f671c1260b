"""The CRD is older or newer than the operator: jobs go on, and what the server knows of a status is written."""

from __future__ import annotations

from typing import Any

import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.kube.errors import ApiError
from akid_operator.work.server_schema import ServerSchema
from fake_server import FakeServer
from scene import JOB, TWO, Scene

STATUS = {
    "state": "Resizing",
    "workers": 2,
    "conditions": [{"type": "Created", "severity": "Info"}, {"type": "Resizing"}],
    "replicaStatuses": {"worker": {"active": 2, "lost": 1}},
}


def refusal(*causes: tuple[str, str]) -> ApiError:
    told = [{"reason": reason, "field": field} for reason, field in causes]
    return ApiError("PUT", 422, {"reason": "Invalid", "details": {"causes": told}})


def test_what_the_server_dropped_is_left_out_wherever_it_stands() -> None:
    schema = ServerSchema()
    kept = {"state": "Resizing", "conditions": [{"type": "Created"}, {"type": "Resizing"}],
            "replicaStatuses": {"worker": {"active": 2}}}  # fmt: skip
    schema.dropped(STATUS, kept)
    assert schema.known(STATUS) == kept
    assert schema.known({"conditions": [{"type": "Failed", "severity": "Bad"}]}) == {
        "conditions": [{"type": "Failed"}]
    }


def test_a_word_the_server_does_not_know_is_left_out_with_its_condition() -> None:
    schema = ServerSchema()
    unknown = "FieldValueNotSupported"
    error = refusal((unknown, "status.state"), (unknown, "status.conditions[1].type"))
    assert schema.refused(STATUS, error)
    known = schema.known(STATUS)
    assert "state" not in known
    assert [condition["type"] for condition in known["conditions"]] == ["Created"]
    assert schema.known({"state": "Running"}) == {"state": "Running"}
    assert not schema.refused(STATUS, error), "it is left out, and yet refused"


@pytest.mark.parametrize(
    ("reason", "field"),
    [
        ("FieldValueInvalid", "status.workers"),
        ("FieldValueNotSupported", "spec.engine"),
        ("FieldValueNotSupported", "status.conditions[7].type"),
    ],
)
def test_another_refusal_is_nothing_to_learn_from(reason: str, field: str) -> None:
    schema = ServerSchema()
    assert not schema.refused(STATUS, refusal((reason, field)))
    assert schema.known(STATUS) is STATUS


def test_what_was_learned_is_tried_again_after_a_resync() -> None:
    schema = ServerSchema()
    schema.dropped(STATUS, {})
    schema.forget()
    assert schema.known(STATUS) == STATUS


class OlderServer(FakeServer):
    """Its CRD has no `selector`, and no condition Restarting."""

    async def exchange(self, call: Call) -> Answer:
        status: dict[str, Any] = (call.body or {}).get("status") or {}
        if call.method == "PUT" and call.query["fieldValidation"] == "Strict" and "selector" in status:
            return Answer(400, None, {"message": 'strict decoding error: unknown field "status.selector"'})
        for number, condition in enumerate(status.get("conditions", [])):
            if condition["type"] == "Restarting":
                cause = {"reason": "FieldValueNotSupported", "field": f"status.conditions[{number}].type"}
                return Answer(422, None, {"reason": "Invalid", "details": {"causes": [cause]}})
        answer = await super().exchange(call)
        if status and answer.status == 200:
            self.objects[JOB]["status"].pop("selector", None)
            answer.body["status"].pop("selector", None)
        return answer


def test_an_operator_newer_than_the_crd_runs_a_job_and_comes_to_rest() -> None:
    scene = Scene(server=OlderServer(), engine=TWO)
    scene.run()
    for name in ("digits-worker-0", "digits-worker-1"):
        scene.pod(name, phase="Running")
    scene.run()
    scene.seconds += 5
    scene.pod("digits-worker-1", left=True, **scene.ended(137))
    scene.run()
    assert (scene.job["status"]["state"], scene.job["status"]["restarts"]) == ("Restarting", 1)
    assert "DELETE pods" in scene.server.log
    for _ in range(3):
        scene.seconds += 5
        scene.run()
    assert scene.server.log == []
    assert scene.told.count("Restarting") == 1


def test_a_job_that_cannot_be_read_is_left_alone_until_it_can() -> None:
    scene = Scene(engine=TWO)
    scene.run()
    spec = scene.job["spec"]
    newer = scene.server.put(JOB, scene.job | {"spec": {**spec, "runPolicy": {"cleanPodPolicy": "Later"}}})
    scene.store.job_seen(newer)
    scene.run()
    assert scene.reason("Queued") == "UnreadableSpec"
    scene.run()
    assert scene.server.log == []
    scene.store.job_seen(scene.server.put(JOB, scene.job | {"spec": spec}))
    scene.run()
    assert scene.reason("Queued") == "Admitted"
