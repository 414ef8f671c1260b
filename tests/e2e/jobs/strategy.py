"""A program that knows nothing of akid: TensorFlow's own strategy, the others found by TF_CONFIG."""

import json
import os

import numpy as np
import tensorflow as tf

STEPS, BATCH, CLASSES = 60, 64, 4

task = json.loads(os.environ["TF_CONFIG"])["task"]
strategy = tf.distribute.MultiWorkerMirroredStrategy()
replicas = strategy.num_replicas_in_sync
random = np.random.default_rng(0)
centres = random.normal(size=(CLASSES, 8)).astype(np.float32)

with strategy.scope():
    weights = tf.Variable(tf.zeros([8, CLASSES]))


@tf.function
def step(x, labels):
    """The mean loss of a batch, of which each replica has a part, before an update by all of it."""

    def part(x, labels):
        with tf.GradientTape() as tape:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x @ weights)
            loss = tf.reduce_sum(loss) / (BATCH * replicas)
        gradient = tape.gradient(loss, weights)
        total = tf.distribute.get_replica_context().all_reduce("sum", [gradient, loss])
        weights.assign_sub(total[0])
        return total[1]

    return strategy.experimental_local_results(strategy.run(part, (x, labels)))[0]


own = np.random.default_rng(1 + task["index"])
losses = []
for _ in range(STEPS):
    labels = own.integers(CLASSES, size=BATCH)
    x = centres[labels] + 0.3 * own.normal(size=(BATCH, 8)).astype(np.float32)
    losses.append(float(step(tf.constant(x), tf.constant(labels))))
told = {"task": task, "replicas": replicas, "loss": losses[-1], "weights": float(tf.norm(weights))}
print(json.dumps(told), flush=True)
