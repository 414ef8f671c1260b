"""ParameterServerEngine: workers that wait for nobody, and servers that hold the parameters."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from typing import Any, ClassVar, NoReturn

from akid.backend import tf
from akid.engines.base import Duty
from akid.engines.closures import ClosureLoop
from akid.engines.cluster import Cluster, read_cluster, wait_for_servers, wrong_cluster
from akid.engines.loop import TrainingLoop
from akid.engines.replicas import Replicas
from akid.engines.replicated import ReplicatedEngine
from akid.engines.strategies import lost_peers
from akid.engines.threads import available_cpus
from akid.errors import AkidError, PeerLostError
from akid.runs.interrupts import TERMINATED

#: Operations that run at the same time in a process that others call: with one alone it waits for itself for ever.
INTER_OP = 8
DUTIES = {"chief": Duty.PRACTISE, "worker": Duty.SERVE, "ps": Duty.SERVE, "evaluator": Duty.FOLLOW}
FORM = (
    '{"cluster": {"chief": ["host:port"], "worker": ["host:port", ...], "ps": ["host:port", ...]},'
    ' "task": {"type": "chief", "index": 0}}'
)


class ParameterServerEngine(ReplicatedEngine):
    """The chief hands out steps to workers; parameters and slots live on parameter servers.

    Every worker takes a whole batch a step and updates the parameters when it is done: nobody waits, and nothing
    can be repeated bit by bit. A worker may be lost; a lost parameter server is a `PeerLostError`. An
    ``evaluator`` evaluates the checkpoints the chief writes; the chief validates all the same: what is the best
    and when to stop is judged by that.

    Raises:
        AkidError: ``TF_CONFIG`` does not name a chief, a worker and a ps; the source has no random access; or
            TensorFlow has started already.
    """

    name: ClassVar[str] = "parameter_server"

    @property
    def duty(self) -> Duty:
        """What this process is there for."""
        return DUTIES[self._cluster().role]

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.duty is Duty.PRACTISE

    def _cluster(self) -> Cluster:
        return training_cluster(os.environ.get("TF_CONFIG", ""))

    def _make_replicas(self) -> Replicas:
        if self.duty is Duty.FOLLOW:
            return Replicas()
        try:
            self._strategy, self._coordinator = _strategy(os.environ["TF_CONFIG"])
        except RuntimeError as error:
            raise AkidError(
                "engine 'parameter_server': TensorFlow has started already; make the Kid, and set it up, before"
                f" anything else runs in TensorFlow. ({error})"
            ) from None
        return Served(self._strategy)

    def _make_step(self) -> tf.Variable:
        """The clock, which is the chief's own: it counts exactly."""
        return tf.Variable(0, trainable=False, dtype=tf.int64, name="step")

    def _make_loop(self, *learners: Any, **options: Any) -> TrainingLoop:
        if self.duty is Duty.FOLLOW:
            return TrainingLoop(*learners, **options)
        workers = len(self._cluster().addresses["worker"])
        return ClosureLoop(self._coordinator, workers, *learners, **options)

    def setup(self, brain: Any, kongfu: Any, sensor: Any, **options: Any) -> None:
        """Build the brain and the slots; see `Engine.setup`."""
        if not sensor.sliceable:
            raise AkidError(
                f"engine 'parameter_server': {sensor.source.name!r} can only be read in order, so workers cannot"
                " take the batch of any step. Use a source with random access, or the engine 'single'."
            )
        super().setup(brain, kongfu, sensor, **options)

    def peer_errors(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which the loss of a parameter server is a `PeerLostError`."""
        return lost_peers() if self.is_chief else contextlib.nullcontext()

    def serve(self) -> NoReturn:
        """Be a worker or a parameter server until SIGTERM; see `Engine.serve`.

        Raises:
            PeerLostError: its address is taken; at another one it may serve.
        """
        cluster = self._cluster()
        ends = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before TensorFlow's threads begin, which inherit it
        server = _server(cluster)
        number = signal.sigwait(ends)
        del server
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(TERMINATED)


class Served(Replicas):
    """One learner, whose variables are held by parameter servers.

    Args:
        strategy: of the chief.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The strategy's scope."""
        return self.strategy.scope()

    def peer_errors(self) -> contextlib.AbstractContextManager[Any]:
        """See `ParameterServerEngine.peer_errors`."""
        return lost_peers()


@functools.cache
def _strategy(config: str) -> tuple[tf.distribute.Strategy, Any]:
    """Strategy and coordinator of ``TF_CONFIG``; waits for workers and servers. There can be one in a process."""
    os.environ.setdefault("GRPC_FAIL_FAST", "use_caller")  # so that the end of a process is told, not waited for
    tf.config.threading.set_inter_op_parallelism_threads(INTER_OP)
    addresses = training_cluster(config).addresses
    wait_for_servers([*addresses["ps"], *addresses["worker"]])
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    return strategy, tf.distribute.coordinator.ClusterCoordinator(strategy)


def _server(cluster: Cluster) -> Any:
    """TensorFlow's server at this process' address; it serves as long as it is held."""
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=available_cpus(), inter_op_parallelism_threads=INTER_OP
    )
    spec, place = tf.train.ClusterSpec(cluster.addresses), {"job_name": cluster.role, "task_index": cluster.index}
    try:
        return tf.distribute.Server(spec, **place, protocol="grpc", config=config)
    except tf.errors.UnknownError as error:
        address = cluster.addresses[cluster.role][cluster.index]
        raise PeerLostError(f"{address} is not free for {cluster.role}-{cluster.index}: {error.message}") from None


def training_cluster(text: str) -> Cluster:
    """The cluster of ``TF_CONFIG``; an evaluator sees itself alone, or the others too.

    Raises:
        AkidError: it is missing, or without a chief, a worker or a ps.
    """
    cluster = read_cluster(text, ParameterServerEngine.name, FORM)
    complete = all(cluster.addresses.get(role) for role in ("chief", "worker", "ps"))
    if cluster.role not in DUTIES or not (complete or cluster.role == "evaluator"):
        raise wrong_cluster(text, ParameterServerEngine.name, FORM)
    return cluster
