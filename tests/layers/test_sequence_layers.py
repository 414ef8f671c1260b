"""Embedding, attention and recurrence against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.kongfus import GradientDescentKongFu
from akid.layers import EmbeddingLayer, GRULayer, RecurrentLayer, SelfAttentionLayer

RNG = np.random.default_rng(4)
X = RNG.normal(size=(2, 5, 6)).astype(np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def arrays(layer: Any) -> dict[str, np.ndarray]:
    for variable in layer.named_variables().values():
        variable.assign(RNG.normal(size=variable.shape) * 0.5)
    return {n: v.numpy() for n, v in layer.named_variables().items()}


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float32])
def test_embedding_looks_up(dtype: Any) -> None:
    ids = np.array([[0, 3], [8, 3]], dtype)
    layer = EmbeddingLayer(9, 4)
    out = layer(ids)
    np.testing.assert_array_equal(out, layer.weights.numpy()[ids.astype(int)])


def test_only_the_vectors_that_were_looked_up_learn() -> None:
    layer = EmbeddingLayer(4, 2)
    layer(np.array([[1]], np.int32))
    before = layer.weights.numpy()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(np.array([[1, 1, 3]], np.int32)))
    kongfu = GradientDescentKongFu(1.0)
    kongfu.setup(layer.parameters)
    kongfu.apply(tape.gradient(loss, list(layer.parameters.values())), tf.constant(0, tf.int64))
    np.testing.assert_allclose(before - layer.weights.numpy(), [[0, 0], [2, 2], [0, 0], [1, 1]], atol=1e-6)


def attention(x: np.ndarray, v: dict[str, np.ndarray], heads: int, causal: bool) -> np.ndarray:
    def linear(x: np.ndarray, part: str) -> np.ndarray:
        return x @ v[f"{part}/weights"] + v[f"{part}/biases"]

    size, out = x.shape[-1] // heads, np.zeros_like(x)
    q, k, value = (linear(x, part) for part in ("query", "key", "value"))
    for b in range(x.shape[0]):
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            for t in range(x.shape[1]):
                seen = t + 1 if causal else x.shape[1]
                scores = k[b, :seen, part] @ q[b, t, part] / np.sqrt(size)
                chances = np.exp(scores) / np.exp(scores).sum()
                out[b, t, part] = chances @ value[b, :seen, part]
    return linear(out, "out")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("head_num", [1, 2, 6])
def test_self_attention(head_num: int, causal: bool) -> None:
    layer = SelfAttentionLayer(head_num, causal, out_channel_num=3)
    layer(X)
    values = arrays(layer)
    np.testing.assert_allclose(layer(X), attention(X, values, head_num, causal), atol=1e-4)


def test_causal_attention_does_not_see_the_future() -> None:
    layer, changed = SelfAttentionLayer(2, causal=True), X.copy()
    changed[:, 3:] += 5
    before, after = layer(X).numpy(), layer(changed).numpy()
    np.testing.assert_allclose(before[:, :3], after[:, :3], atol=1e-6)
    assert not np.allclose(before[:, 3:], after[:, 3:])


def elman(x: np.ndarray, v: dict[str, np.ndarray]) -> np.ndarray:
    h, states = np.zeros((len(x), 4)), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ v["weights"] + h @ v["recurrent_weights"] + v["biases"])
        states.append(h)
    return np.stack(states, 1)


def gru(x: np.ndarray, v: dict[str, np.ndarray]) -> np.ndarray:
    h, states = np.zeros((len(x), 4)), []
    wr, wz, wn = np.split(v["weights"], 3, -1)
    ur, uz, un = np.split(v["recurrent_weights"], 3, -1)
    br, bz, bn = np.split(v["biases"], 3, -1)
    for t in range(x.shape[1]):
        r = sigmoid(x[:, t] @ wr + h @ ur + br)
        z = sigmoid(x[:, t] @ wz + h @ uz + bz)
        n = np.tanh(x[:, t] @ wn + (r * h) @ un + bn)
        h = z * h + (1 - z) * n
        states.append(h)
    return np.stack(states, 1)


@pytest.mark.parametrize(("kind", "oracle"), [(RecurrentLayer, elman), (GRULayer, gru)])
def test_recurrence(kind: Any, oracle: Any) -> None:
    layer = kind(4, return_sequences=True, name="r")
    layer(X)
    values = arrays(layer)
    np.testing.assert_allclose(layer(X), oracle(X, values), atol=1e-5)
    last = kind(4)
    last(X)
    for name, value in values.items():
        last.own_variables[name].assign(value)
    np.testing.assert_allclose(last(X), oracle(X, values)[:, -1], atol=1e-5)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_recurrent_layer_takes_sequences_of_any_length(return_sequences: bool) -> None:
    layer = GRULayer(4, return_sequences)
    layer(X)
    traced = tf.function(lambda x: layer(x), [tf.TensorSpec([None, None, 6])], autograph=False)
    for length in (1, 3, 5):
        np.testing.assert_allclose(traced(X[:, :length]), layer(X[:, :length]), atol=1e-6)


@pytest.mark.parametrize("kind", [RecurrentLayer, GRULayer, SelfAttentionLayer, EmbeddingLayer])
def test_weight_decay_is_of_all_weights_and_no_biases(kind: Any) -> None:
    sizes = (9, 4) if kind is EmbeddingLayer else (2,)
    layer = kind(*sizes, wd={"type": "l2", "scale": 0.2}, name="it")
    x, trip = np.abs(X).astype(np.int32) if kind is EmbeddingLayer else X, Trip()
    layer(x)
    values = arrays(layer)
    layer(x, trip)
    weights = [v for n, v in values.items() if n.endswith("weights")]
    np.testing.assert_allclose(trip.losses["it/wd"], sum(0.1 * (w**2).sum() for w in weights), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: EmbeddingLayer(0, 3),
            r"num_embeddings must be an integer >= 1. Received: num_embeddings=0",
        ),
        (
            lambda: EmbeddingLayer(3, 0),
            r"embedding_dim must be an integer >= 1. Received: embedding_dim=0",
        ),
        (lambda: SelfAttentionLayer(0), r"attention: head_num must be an integer >= 1. Received: head_num=0"),
        (
            lambda: SelfAttentionLayer(4)(X),
            r"attention: the channels must be a multiple of head_num=4. Received: shape=\(2, 5, 6\)",
        ),
        (
            lambda: SelfAttentionLayer(1, out_channel_num=0),
            r"attention: out_channel_num must be an integer >= 1. Received: out_channel_num=0",
        ),
        (lambda: GRULayer(0), r"gru: out_channel_num must be an integer >= 1. Received: out_channel_num=0"),
        (lambda: GRULayer(3)(X[0]), r"gru takes a signal \[batch, time, channel\]. Received: shape=\(5, 6\)"),
    ],
)
def test_errors_of_sequence_layers_teach(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        make()


def test_a_number_out_of_range_is_told_with_the_block_in_eager_code() -> None:
    brain = Brain(name="reader")
    brain.attach(EmbeddingLayer(5, 3, name="words"))
    with pytest.raises(BlockError, match=r"^words: a number must be 0 to 4, for there are 5\. Received: 7$"):
        brain(tf.constant([[1, 7]]))
