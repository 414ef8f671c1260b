"""The mask over the devices."""

from __future__ import annotations

import pytest

from akid.errors import DataError
from akid.tuner.devices import Devices, visible_gpus


def test_devices_are_taken_and_given_back():
    devices = Devices(["0", "1", "2"], gpu=True)
    first = devices.take(2)
    assert first == ("0", "1")
    assert devices.take(2) is None
    assert devices.take(1) == ("2",)
    devices.give_back(first)
    assert devices.take(2) == ("0", "1")
    assert devices.environment(["0", "2"]) == {"CUDA_VISIBLE_DEVICES": "0,2"}
    assert devices.cpus(["0"]) is None


def test_cpus_take_the_place_of_gpus():
    devices = Devices(["0", "3"], gpu=False)
    assert devices.cpus(["3"]) == {3}
    assert devices.environment(["3"]) == {"CUDA_VISIBLE_DEVICES": "-1"}


def test_more_than_there_are_is_refused():
    with pytest.raises(DataError, match=r"at most 2, the CPUs \(there is no GPU\).*gpu_num_per_instance=3"):
        Devices(["0", "1"], gpu=False).check([1, 3])
    with pytest.raises(DataError, match="devices must be at least 1 and at most"):
        Devices.of_this_machine(0)


@pytest.mark.parametrize(("told", "gpus"), [("0,2", ["0", "2"]), ("-1", []), ("", []), ("GPU-ab", ["GPU-ab"])])
def test_the_gpus_that_a_process_may_see_count(monkeypatch, told, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
    assert visible_gpus() == gpus
