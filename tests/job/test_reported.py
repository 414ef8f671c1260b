"""What of a chief's `/status` may go into a job's status, whatever it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akid.job.api.status import Progress, Status
from akid.job.objects.observe import member_state
from akid.job.objects.reported import Endpoint, progress_from, progress_of, reports, stands_still, status_endpoint
from akid.trainer import progress as trainer

FULL = {
    "step": 120, "maxSteps": 300, "epoch": 1.5, "loss": 0.25, "valLoss": 0.5, "metrics": {"val_accuracy": 0.9},
    "examplesPerSecond": 812.5, "eta": "2026-01-01T12:00:00Z", "generation": 3, "inPlaceRestarts": 2,
    "stepsRedone": 17, "goodput": 0.93,
}  # fmt: skip


def read(body: str | bytes) -> dict[str, Any] | None:
    """The progress in a body, as the API server gets it."""
    progress = progress_of(body)
    return None if progress is None else Status(progress=progress).to_json()["progress"]


def test_every_field_of_a_status_is_taken_as_it_is_and_what_is_unknown_is_dropped():
    assert read(json.dumps({**FULL, "member": "worker-0", "phase": {"of": "the moon"}})) == FULL


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "maxSteps": ["-1", "9007199254740993", "1e3", "3.0", "true", '"7"', "[]", "1" + "0" * 5000],
        "epoch": ["-0.1", "NaN", "Infinity", "1e999", "true", '"1"', "{}"],
        "loss": ["NaN", "-Infinity", "-1e999", "false", '"low"', "null", "[0.1]", "1" + "0" * 400],
        "goodput": ["1.01", "-0.5", "NaN"],
        "metrics": ["[]", "7", '"a"', '{"a": NaN, "b": "1", "c": true, "d": {}, "e": 1e999}', '{"\\ud800": 1}'],
        "eta": ["7", '""', '"soon"', '"2026-13-01T00:00:00Z"', '"2026-01-01"', '"2026-01-01T00:00:00"',
                '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"1969-12-31T23:59:59Z"'],
        "generation": ["-1", "2.5", "NaN"],
    }.items(),
)  # fmt: skip
def test_a_value_of_another_type_or_out_of_its_range_is_left_out_alone(name: str, values: list[str]):
    rest = {key: value for key, value in FULL.items() if key != name}
    for value in values:
        body = json.dumps(rest)[:-1] + f', "{name}": {value}}}'
        if len(value) < 4000:  # json.loads refuses integers of more digits: then nothing is known
            assert read(body) == rest, value
        else:
            assert read(body) is None


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "7", "{", "{}", '{"loss": 1}', '{"step": -1}', '{"step": true}', '{"step": NaN}', "\x00",
     '{"step": "7"}', "<html>", '{"step": 1} {}', "[" * 60_000, b"\xff\xfe\x00", b"\x1f\x8b\x08"],
)  # fmt: skip
def test_a_body_without_a_step_is_no_progress(body: str | bytes):
    assert progress_of(body) is None


def test_metrics_are_at_most_64_of_finite_numbers_under_plain_names():
    told = {"a/b c": 1, "x" * 129: 1, "new\nline": 1, "": 1, **{f"m{i:02}": i for i in range(70)}}
    found = read(json.dumps({"step": 1, "metrics": told}))
    assert found is not None
    assert list(found["metrics"]) == ["a/b c", *(f"m{i:02}" for i in range(63))]


def test_times_are_in_utc_and_to_the_second():
    assert read('{"step": 1, "eta": "2026-01-01T01:30:00.75+02:00"}') == {
        "step": 1, "eta": "2025-12-31T23:30:00Z",
    }  # fmt: skip


def test_what_a_supervisor_says_is_read_in_full():
    told = trainer.Progress()
    told.begin(1)
    told.report({"step": 0, "max_steps": 100}, 0.0)
    told.report({"step": 50, "epoch": 0.5, "loss": 1 / 3, "metrics": {"accuracy": 0.5}}, 10.0)
    status = told.status(10.0, 1_800_000_000.0)
    assert read(trainer.last_words({"member": "worker-0", **status})) == status


@pytest.mark.parametrize("error", ["", "No space left on device", "x" * 5000, "ü\n" * 3000])
def test_last_words_are_the_end_of_the_error_and_a_status_and_fit_into_a_termination_message(error: str):
    metrics = {f"metric-{'x' * 50}-{i}": i for i in range(64)}
    words = trainer.last_words({"member": "worker-0", "step": 7, "metrics": metrics}, error)
    assert len(words.encode()) <= trainer.MAX_MESSAGE
    seen = member_state({"status": {"containerStatuses": [
        {"name": "trainer", "state": {"terminated": {"exitCode": 1, "message": words}}}]}})  # fmt: skip
    assert error.endswith(seen.message)
    assert len(seen.message.encode()) > min(len(error.encode()), 3900) - 1
    assert read(seen.report) == {"step": 7}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(FULL, JSON)) | JSON


@given(BODIES)
def test_any_json_gives_nothing_or_what_the_api_server_takes(told: Any):
    found = read(json.dumps(told))
    if found is not None:
        sent = json.dumps(found, allow_nan=False).encode()
        assert Status.model_validate({"progress": json.loads(sent)}).to_json()["progress"] == found


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(body: bytes):
    progress_of(body)


def test_only_what_moves_without_time_is_news():
    old = progress_from(FULL)
    assert old is not None
    later = old.model_copy(update={"goodput": 0.5, "eta": None})
    assert stands_still(old, later)
    assert not stands_still(old, later.model_copy(update={"loss": 0.24}))
    assert not stands_still(None, Progress(step=0))


def pod(command: list[str] | None = None, /, ip: str = "10.0.0.7", **facts: Any) -> dict[str, Any]:
    """A chief's pod."""
    trainer = {"name": "trainer", "ports": [{"name": "metrics", "containerPort": 9464}]}
    trainer |= {"command": command or ["python", "-m", "akid", "train"]} | facts
    return {
        "metadata": {"labels": {"akid.dev/chief": "digits"}},
        "spec": {"containers": [{"name": "proxy"}, trainer]},
        "status": {"podIP": ip},
    }


def test_a_chief_under_akid_s_trainer_reports_at_its_port_called_metrics():
    assert reports(pod())
    assert status_endpoint(pod()) == Endpoint("10.0.0.7", 9464)
    assert reports(pod(["sh", "-c", "cd /work && exec akid train -- python mine.py"]))
    assert status_endpoint(pod(ip="fd00::7")) == Endpoint("fd00::7", 9464)


def test_other_pods_are_not_asked():
    assert not reports(pod(["python", "train.py"]))
    assert not reports(pod() | {"metadata": {"labels": {"akid.dev/job": "digits"}}})
    assert status_endpoint(pod(ip="")) is None
    assert status_endpoint(pod(ip="evil.example.com")) is None
    assert status_endpoint(pod(ports=[{"name": "http", "containerPort": 80}])) is None
    assert status_endpoint(pod(ports=[{"name": "metrics", "containerPort": 70_000}])) is None
