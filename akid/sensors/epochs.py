"""The order of training examples: an endless sequence, epoch after epoch, that depends only on the seed."""

from __future__ import annotations

import hashlib

from akid.backend import tf


def permutation(size: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """The order of one epoch, int64 ``[size]``: Philox, keyed by the seed and the epoch."""
    digest = hashlib.blake2b(f"{seed}/epoch".encode(), digest_size=4).digest()
    key = tf.stack([tf.constant(int.from_bytes(digest), tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_shuffle(tf.range(size, dtype=tf.int64), seed=key, alg="philox")


class Epochs(tf.Module):
    """Random access to the endless order, inside a graph.

    The permutations of two neighbouring epochs are kept (a batch may span both): a cache, not a state, since
    what is asked for decides what it holds.

    Args:
        size: examples an epoch.
        seed: of the permutations.
        shuffle: False for the natural order.
    """

    def __init__(self, size: int, seed: int, shuffle: bool = True) -> None:
        super().__init__()
        self.size, self.seed, self.shuffle = size, seed, shuffle
        if shuffle:
            self._epoch = tf.Variable(-1, trainable=False, dtype=tf.int64)
            self._order = tf.Variable(tf.zeros([2 * size], tf.int64), trainable=False)

    def indices(self, start: tf.Tensor, count: int) -> tf.Tensor:
        """Examples ``start ... start + count`` of the endless order, int64 ``[count]``; ``count <= size``."""
        epoch, offset = start // self.size, start % self.size
        if not self.shuffle:
            return (offset + tf.range(count, dtype=tf.int64)) % self.size

        def renew() -> tf.Tensor:
            both = [permutation(self.size, self.seed, epoch + i) for i in (0, 1)]
            self._order.assign(tf.concat(both, 0))
            self._epoch.assign(epoch)
            return tf.constant(True)

        tf.cond(tf.equal(self._epoch.value(), epoch), lambda: tf.constant(False), renew)
        return tf.slice(self._order.value(), [offset], [count])


def order_from(size: int, seed: int, shuffle: bool, start: int) -> tf.data.Dataset:
    """The endless order from ``start`` on, as a ``tf.data`` pipeline of int64 scalars."""
    first, skip = divmod(start, size)

    @tf.autograph.experimental.do_not_convert
    def epoch_order(epoch: tf.Tensor) -> tf.data.Dataset:
        order = permutation(size, seed, epoch) if shuffle else tf.range(size, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices(order)

    epochs = tf.data.Dataset.range(first, tf.int64.max)
    return epochs.flat_map(epoch_order).skip(skip)
