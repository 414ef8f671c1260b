"""The moving average of the parameters against numpy, and its swap."""

from __future__ import annotations

import re

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import AkidError
from akid.kongfus.moving_average import MovingAverage


def averaged(decay=0.9):
    variables = {"ip1/weights": tf.Variable([1.0, 2.0], name="ip1/weights"), "ip1/biases": tf.Variable([5.0])}
    average = MovingAverage(decay)
    average.setup(variables)
    return variables, average


@pytest.mark.parametrize("graph", [False, True])
def test_agrees_with_numpy_with_its_warm_up(graph):
    variables, average = averaged(0.6)
    update = tf.function(average.update, autograph=False) if graph else average.update
    weights = variables["ip1/weights"]
    expected = weights.numpy().astype("float64")
    for step in range(30):
        weights.assign_add([0.5, -0.25 * step])
        update(tf.constant(step, tf.int64))
        d = min(0.6, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * weights.numpy()
    np.testing.assert_allclose(average.slots["ip1/weights/average"].numpy(), expected, rtol=1e-5)


def test_the_first_update_nearly_forgets_the_start():
    variables, average = averaged(0.999)
    variables["ip1/biases"].assign([15.0])
    average.update(0)
    assert average.slots["ip1/biases/average"].numpy()[0] == pytest.approx(0.1 * 5 + 0.9 * 15)


def test_slots_are_named_for_checkpoints():
    _, average = averaged()
    assert sorted(average.slots) == ["ip1/biases/average", "ip1/weights/average"]
    assert average.slots["ip1/weights/average"].name == "ip1/weights/average:0"
    assert not average.slots["ip1/weights/average"].trainable


def test_swap_puts_the_averages_in_and_the_raw_values_back():
    variables, average = averaged()
    weights = variables["ip1/weights"]
    weights.assign([7.0, 8.0])
    with average.swap():
        assert average.swapped
        assert weights.numpy().tolist() == [1.0, 2.0]
    assert weights.numpy().tolist() == [7.0, 8.0]
    assert average.slots["ip1/weights/average"].numpy().tolist() == [1.0, 2.0]
    assert not average.swapped


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_swap_restores_the_raw_values_on_errors(error):
    variables, average = averaged()
    variables["ip1/weights"].assign([7.0, 8.0])
    with pytest.raises(error), average.swap():
        raise error
    assert variables["ip1/weights"].numpy().tolist() == [7.0, 8.0]
    assert not average.swapped


def test_what_is_written_within_a_swap_is_lost():
    variables, average = averaged()
    with average.swap():
        variables["ip1/weights"].assign([0.0, 0.0])
    assert variables["ip1/weights"].numpy().tolist() == [1.0, 2.0]


def test_swap_within_swap_is_an_error():
    _, average = averaged()
    with average.swap():
        text = re.escape("swap() within swap(); the parameters hold the averages already.")
        with pytest.raises(AkidError, match=text), average.swap():
            pass
        assert average.swapped


def test_swap_within_a_graph_is_an_error():
    _, average = averaged()

    def validate():
        with average.swap():
            pass

    with pytest.raises(AkidError, match=re.escape("swap() is for eager code, around a call; not inside")):
        tf.function(validate, autograph=False)()


@pytest.mark.parametrize("call", [lambda a: a.update(0), lambda a: a.swap().__enter__()])
def test_a_setup_comes_first(call):
    with pytest.raises(AkidError, match=r"needs parameters; call setup\(brain\.parameters\) first\."):
        call(MovingAverage(0.9))


@pytest.mark.parametrize("decay", [0.49, 1.0, "0.9", True])
def test_a_decay_out_of_range_is_an_error(decay):
    text = f"MovingAverage: decay must be a number in [0.5, 1). Received: decay={decay!r}"
    if isinstance(decay, str):
        text = "MovingAverage: decay must be a number in [0.5, 1). YAML reads 1e-3 as text; write 0.001"
    with pytest.raises(AkidError, match=re.escape(text)):
        MovingAverage(decay)
