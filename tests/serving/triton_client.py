"""A program with a client that is not ours, in a process of its own: it brings gevent along.

``python triton_client.py HOST:PORT MODEL FILE``: ask with the data of an ``.npz`` file, and check the answers.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException


def main(address: str, name: str, file: str) -> None:
    """Raises an AssertionError if an answer is wrong."""
    known = np.load(file)
    client = InferenceServerClient(address, network_timeout=60, connection_timeout=60)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(name)
    assert client.is_model_ready(name, "1")
    (described,) = client.get_model_metadata(name)["inputs"]
    assert described == {"name": "data", "datatype": "FP32", "shape": [-1, 4]}
    for sends_binary in (False, True):
        for wants_binary in (False, True):
            data = InferInput("data", list(known["data"].shape), "FP32")
            data.set_data_from_numpy(known["data"], binary_data=sends_binary)
            outputs = [InferRequestedOutput(output, binary_data=wants_binary) for output in ("ip2", "loss")]
            answer = client.infer(name, [data], outputs=outputs, request_id="1")
            for output in ("ip2", "loss"):
                found = answer.as_numpy(output)
                np.testing.assert_allclose(found, known[output], rtol=1e-5, atol=1e-6)
    found = client.infer(name, [data]).as_numpy("loss")
    np.testing.assert_allclose(found, known["loss"], rtol=1e-5, atol=1e-6)
    compressed = client.infer(name, [data], request_compression_algorithm="gzip").as_numpy("loss")
    np.testing.assert_allclose(compressed, known["loss"], rtol=1e-5, atol=1e-6)
    with pytest.raises(InferenceServerException, match="Did you mean 'data'") as refused:
        client.infer(name, [InferInput("date", [1, 4], "FP32").set_data_from_numpy(known["data"][:1])])
    assert refused.value.status() == "400"
    print("fine")


if __name__ == "__main__":
    main(*sys.argv[1:])
