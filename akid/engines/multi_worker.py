"""MultiWorkerEngine: several processes, on one machine or many."""

from __future__ import annotations

import functools
import os
from typing import ClassVar

from akid.backend import tf, watch_heartbeats
from akid.checks import Check
from akid.engines.cluster import read_cluster, wait_for_servers, wrong_cluster
from akid.engines.replicas import Replicas
from akid.engines.replicated import ReplicatedEngine
from akid.engines.strategies import StrategyReplicas
from akid.errors import AkidError, PeerLostError

#: After so long without a sign of life a member is taken for lost, seconds, unless $AKID_HEARTBEAT_SECONDS says
#: otherwise. A process that was stopped or killed is noticed sooner, by its supervisor and by the kernel.
HEARTBEAT = 3.0
#: Set for the members of an elastic job.
MIN_WORKERS = "AKID_MIN_WORKERS"
FORM = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'


class MultiWorkerEngine(ReplicatedEngine):
    """A replica in every process that ``TF_CONFIG`` names; batches are global ones, split among them.

    The process is one of them. Worker 0, or the ``chief`` if there is one, writes what the run leaves.

    Args:
        compression: ``float16`` halves what gradients weigh on the way between processes; None leaves them.

    Raises:
        AkidError: there is no ``TF_CONFIG``, or it is none; or TensorFlow has started already.
        PeerLostError: from the set-up: the address of this process is taken; at another one it may serve.
    """

    name: ClassVar[str] = "multi_worker"

    def __init__(self, compression: str | None = None) -> None:
        self.compression = Check().one_of("compression", compression, (None, "float16"))

    def _make_replicas(self) -> Replicas:
        config = os.environ.get("TF_CONFIG", "")
        sizes, member = cluster_of(config)
        if member != 0:
            wait_for_servers([_leader(config)])
        try:
            strategy = _strategy(config, tuple(sizes.items()))
        except RuntimeError as error:
            raise AkidError(
                "engine 'multi_worker': TensorFlow has started already; make the Kid, and set it up, before"
                f" anything else runs in TensorFlow. ({error})"
            ) from None
        except tf.errors.UnknownError as error:  # another program took the port after it was chosen
            raise PeerLostError(f"The address of member {member} is not free: {error.message}") from None
        return StrategyReplicas(strategy, sum(sizes.values()), member, compress=self.compression is not None)

    def _sharers(self) -> str:
        """See `ReplicatedEngine`; one worker of an elastic job may be joined by others."""
        elastic = os.environ.get(MIN_WORKERS)
        later = f"this worker and those that join it (${MIN_WORKERS} is set)" if elastic else ""
        return super()._sharers() or later


@functools.cache
def _strategy(config: str, sizes: tuple[tuple[str, int], ...]) -> tf.distribute.MultiWorkerMirroredStrategy:
    """That of ``TF_CONFIG``; there can be one in a process."""
    watch_heartbeats(dict(sizes), float(os.environ.get("AKID_HEARTBEAT_SECONDS") or HEARTBEAT))
    communication = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=communication)


def _leader(config: str) -> str:
    """The address of the first member, which all others connect to."""
    addresses = read_cluster(config, MultiWorkerEngine.name, FORM).addresses
    return (addresses.get("chief") or addresses["worker"])[0]


def cluster_of(text: str) -> tuple[dict[str, int], int]:
    """How many members of each role ``TF_CONFIG`` names, the chief's first, and which of all this process is.

    Raises:
        AkidError: it is missing, or not of that form.
    """
    cluster = read_cluster(text, MultiWorkerEngine.name, FORM)
    sizes = {role: len(cluster.addresses[role]) for role in ("chief", "worker") if cluster.addresses.get(role)}
    members = [(role, i) for role, size in sizes.items() for i in range(size)]
    if (cluster.role, cluster.index) not in members:
        raise wrong_cluster(text, MultiWorkerEngine.name, FORM)
    return sizes, members.index((cluster.role, cluster.index))
