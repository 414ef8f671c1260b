"""A model over HTTP: both protocols against `kid.predict`, and every kind of bad request."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from serving.servers import blobs_kid, serving, wait_until

from akid.serving.options import Batching, Limits
from akid.serving.service import Service
from akid.serving.store import Store

DATA = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
PREDICT, INFER = "/v1/models/small:predict", "/v2/models/small/infer"
TENSOR = {"name": "data", "shape": [5, 4], "datatype": "FP32", "data": DATA.tolist()}


@pytest.fixture(scope="module")
def kid(tmp_path_factory):
    return blobs_kid(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def expected(kid):
    return kid.predict(DATA)


@pytest.fixture(scope="module")
def export(kid) -> Path:
    return kid.export()


@pytest.fixture(scope="module")
def client(export):
    store = Store(export, "small")
    store.refresh()
    with serving(Service(store, Batching(max_wait=0), Limits(body=4000))) as found:
        yield found


def close(found, expected) -> None:
    np.testing.assert_allclose(np.asarray(found, np.float32), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/small/versions/1:predict"])
def test_rows_give_rows(client, expected, path):
    body = client.post(path, json={"instances": DATA.tolist()}).json()
    close([row["ip2"] for row in body["predictions"]], expected["ip2"])
    close([row["loss"] for row in body["predictions"]], expected["loss"])


def test_rows_may_name_the_input_and_one_output_has_no_name(client, expected):
    rows = [{"data": row} for row in DATA.tolist()]
    request = {"signature_name": "serving_default", "instances": rows, "output_filter": ["loss"]}
    close(client.post(PREDICT, json=request).json()["predictions"], expected["loss"])


@pytest.mark.parametrize("inputs", [DATA.tolist(), {"data": DATA.tolist()}], ids=["plain", "named"])
def test_columns_give_columns(client, expected, inputs):
    found = client.post(PREDICT, json={"inputs": inputs}).json()["outputs"]
    assert list(found) == ["ip2", "loss"]
    close(found["loss"], expected["loss"])


def test_the_raw_signature_takes_what_the_source_gives(client, kid):
    request = {"signature_name": "raw", "instances": DATA.tolist(), "output_filter": ["ip2"]}
    close(client.post(PREDICT, json=request).json()["predictions"], kid.predict(DATA, raw=True)["ip2"])


@pytest.mark.parametrize("data", [DATA.tolist(), DATA.ravel().tolist()], ids=["nested", "flat"])
def test_the_open_protocol_gives_tensors_by_name(client, expected, data):
    request = {"id": "7", "inputs": [{**TENSOR, "data": data}], "outputs": [{"name": "loss"}]}
    body = client.post("/v2/models/small/versions/1/infer", json=request).json()
    (tensor,) = body.pop("outputs")
    assert body == {"model_name": "small", "model_version": "1", "id": "7"}
    assert (tensor["name"], tensor["datatype"], tensor["shape"]) == ("loss", "FP32", [5, 3])
    close(np.reshape(tensor["data"], tensor["shape"]), expected["loss"])


def test_what_is_served_is_described(client):
    status = client.get("/v1/models/small").json()["model_version_status"]
    assert [(s["version"], s["state"]) for s in status] == [("1", "AVAILABLE")]
    signature = client.get("/v1/models/small/metadata").json()["metadata"]["signature_def"]["signature_def"]
    assert set(signature) == {"serving_default", "raw"}
    data = signature["serving_default"]["inputs"]["data"]
    assert (data["dtype"], [d["size"] for d in data["tensor_shape"]["dim"]]) == ("DT_FLOAT", ["-1", "4"])
    described = client.get("/v2/models/small").json()
    assert described["inputs"] == [{"name": "data", "datatype": "FP32", "shape": [-1, 4]}]
    assert [output["name"] for output in described["outputs"]] == ["ip2", "loss"]


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/small/ready"])
def test_the_server_is_well(client, path):
    assert client.get(path).status_code == 200


ROWS = DATA.tolist()
MISTAKES = {
    "no_json": (PREDICT, "{", 400, "must be JSON"),
    "not_utf8": (PREDICT, b"\xff", 400, "must be JSON"),
    "deep": (PREDICT, "[" * 3900, 400, "The body"),
    "no_object": (PREDICT, [1], 400, "must be a JSON object"),
    "nan": (PREDICT, '{"instances": [[NaN, 1, 2, 3]]}', 400, "NaN is no number"),
    "infinity": (PREDICT, '{"instances": [[1e999, 1, 2, 3]]}', 400, "an infinity"),
    "too_large_a_number": (PREDICT, {"instances": [[1e300, 1, 2, 3]]}, 400, "float32"),
    "field": (PREDICT, {"instance": ROWS}, 400, "no field 'instance'"),
    "both": (PREDICT, {"instances": ROWS, "inputs": ROWS}, 400, "Either"),
    "no_rows": (PREDICT, {"instances": []}, 400, "one example or more"),
    "shape": (PREDICT, {"instances": [[1, 2, 3]]}, 400, "of shape ['examples', 4], one example"),
    "ragged": (PREDICT, {"instances": [[1, 2, 3, 4], [1]]}, 400, "different lengths"),
    "text": (PREDICT, {"instances": [["a", 1, 2, 3]]}, 400, "must be numbers"),
    "null": (PREDICT, {"instances": [[None, 1, 2, 3]]}, 400, "must be numbers"),
    "input": (PREDICT, {"instances": [{"dat": [1, 2, 3, 4]}]}, 400, "Did you mean 'data'?"),
    "mixed": (PREDICT, {"instances": [{"data": [1, 2, 3, 4]}, [1]]}, 400, "instances[1] must have"),
    "signature": (PREDICT, {"signature_name": "rew", "instances": ROWS}, 400, "Did you mean 'raw'?"),
    "output": (PREDICT, {"instances": ROWS, "output_filter": ["los"]}, 400, "Did you mean 'loss'?"),
    "body": (PREDICT, {"instances": ROWS * 20}, 413, "may have 4000 bytes"),
    "model": ("/v1/models/smell:predict", {"instances": ROWS}, 404, "Known: small."),
    "version": ("/v1/models/small/versions/9:predict", {"instances": ROWS}, 404, "no version '9'. Known: 1."),
    "path": ("/v3", {}, 404, "no such path: POST /v3"),
    "method": ("/v2", {}, 405, "another method"),
    "v2_inputs": (INFER, {"inputs": {}}, 400, "a list of tensors"),
    "v2_name": (INFER, {"inputs": [{**TENSOR, "name": "date"}]}, 400, "Did you mean 'data'?"),
    "v2_datatype": (INFER, {"inputs": [{**TENSOR, "datatype": "INT32"}]}, 400, "is of datatype FP32"),
    "v2_shape": (INFER, {"inputs": [{**TENSOR, "shape": [4, 5]}]}, 400, "must have the shape it tells"),
    "v2_no_shape": (INFER, {"inputs": [{**TENSOR, "shape": None}]}, 400, "needs its shape"),
    "v2_no_data": (INFER, {"inputs": [{**TENSOR, "data": None}]}, 400, "must have the shape it tells"),
    "v2_other_shape": (INFER, {"inputs": [{**TENSOR, "shape": [10, 2]}]}, 400, "must have the shape"),
    "v2_output": (INFER, {"inputs": [TENSOR], "outputs": [{"name": "los"}]}, 400, "Did you mean 'loss'?"),
    "v2_binary": (
        INFER, {"inputs": [{**TENSOR, "parameters": {"binary_data_size": 80}}]}, 400, "has 80 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_bad_request_is_told_what_is_wrong(client, path, body, status, message):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    response = client.post(path, content=content)
    assert response.status_code == status, response.text
    assert message in response.json()["error"]


@pytest.mark.parametrize(
    ("encoding", "content", "status", "message"),
    [
        ("gzip", gzip.compress(json.dumps({"instances": ROWS}).encode()), 200, "predictions"),
        ("deflate", zlib.compress(json.dumps({"instances": ROWS}).encode()), 200, "predictions"),
        ("gzip", gzip.compress(b" " * 1_000_000), 413, "may have 4000 bytes"),
        ("gzip", gzip.compress(b"{}")[:-4], 400, "is cut"),
        ("gzip", b"{}", 400, "is no gzip"),
        ("br", b"{}", 415, "gzip or deflate"),
    ],
    ids=["gzip", "deflate", "bomb", "cut", "damaged", "other"],
)
def test_a_packed_body_is_unpacked_within_the_limit(client, encoding, content, status, message):
    response = client.post(PREDICT, content=content, headers={"content-encoding": encoding})
    assert response.status_code == status
    assert message in response.text


def test_the_metrics_count_requests_and_batches(client):
    client.post(PREDICT, json={"instances": ROWS})
    lines = client.get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert int(values['akid_serving_requests_total{protocol="rest",code="200"}']) >= 1
    assert int(values["akid_serving_batch_rows_count"]) >= 1
    assert values['akid_serving_version{version="1"}'] == "1"
    assert values["akid_serving_in_flight"] == "0"


def test_concurrent_requests_go_through_together_and_each_gets_its_own(export, expected):
    store = Store(export, "small")
    store.refresh()
    service = Service(store, Batching(max_rows=5, max_wait=30), Limits(requests=5))
    with serving(service) as client, ThreadPoolExecutor(5) as pool:
        requests = [{"instances": [row], "output_filter": ["ip2"]} for row in ROWS]
        answers = list(pool.map(lambda request: client.post(PREDICT, json=request).json(), requests))
    close([answer["predictions"][0] for answer in answers], expected["ip2"])
    assert ("_sum", {}, 5.0) in service.metrics.rows.samples()
    assert ("_count", {}, 1) in service.metrics.rows.samples()


def test_a_request_too_many_is_refused_at_once(export):
    store = Store(export, "small")
    store.refresh()
    service, gate = Service(store, limits=Limits(requests=1)), threading.Event()
    signatures = store.model("small")[1].signatures
    default = signatures["serving_default"]
    signatures["serving_default"] = replace(default, function=lambda **i: gate.wait(60) and default.function(**i))
    with serving(service) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, PREDICT, json={"instances": ROWS[:1]})
        wait_until(lambda: service.in_flight)
        refused = client.post(PREDICT, json={"instances": ROWS[:1]})
        gate.set()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert first.result(60).status_code == 200
