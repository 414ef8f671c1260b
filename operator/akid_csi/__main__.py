"""The command `python -m akid_csi`: the driver of one node."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from akid_csi import __version__
from akid_csi.logs import logger, to_stderr
from akid_csi.node import Node
from akid_csi.protocol.csi_pb2_grpc import add_IdentityServicer_to_server, add_NodeServicer_to_server
from akid_csi.protocol.registration_pb2_grpc import add_RegistrationServicer_to_server
from akid_csi.services import Identity, NodeService, Registration
from akid_csi.volume import Limits

NAME = "gluster.csi.akid.dev"
KUBELET = "/var/lib/kubelet"
#: More than may wait for one volume (`Limits.waiters`), so that a hung one leaves room for the others.
THREADS = 32
GRACE_SECONDS = 5.0
#: Between two looks whether another driver of the node has ended.
LOCK_SECONDS = 0.2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser("akid-csi", description="GlusterFS volumes for the pods of this node.")
    add = result.add_argument
    add("--version", action="version", version=__version__)
    add("--driver-name", default=NAME, help="as in the CSIDriver object; default %(default)s")
    add("--endpoint", help=f"CSI socket, by its path on the node; default {KUBELET}/plugins/NAME/csi.sock")
    add("--registration", help=f"the other socket; default {KUBELET}/plugins_registry/NAME-reg.sock")
    add("--node-id", default=os.environ.get("NODE_ID"), help="name of the node; default $NODE_ID")
    add("--allow", type=Path, default=Path("/etc/akid-csi/allow.json"), help="the allow-list; default %(default)s")
    add("--state", type=Path, help=f"the driver's own directory; default {KUBELET}/plugins/NAME")
    add("--mount-seconds", type=float, default=Limits().mount, help="for a volume's mount; default %(default)s")
    return result


def socket_path(text: str) -> Path:
    """The path of a socket, which may be written as a unix:// address."""
    return Path(text.removeprefix("unix://").removeprefix("unix:"))


def serving(path: Path, server: grpc.Server) -> grpc.Server:
    """Listen on a socket. One that a former life left is in the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    server.add_insecure_port(f"unix:{path}")
    server.start()
    return server


def alone(directory: Path, ending: threading.Event) -> bool:
    """Wait until no other driver of this node is at work in the directory; False if told to end meanwhile.

    Their lives must not overlap: the one that ends takes both ones' sockets away, and each has a state of its own.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # until this process ends
    told = False
    while not ending.is_set():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                logger.warning(
                    "waiting for another driver of this node to end", extra={"directory": str(directory)}
                )
                told = True
            ending.wait(LOCK_SECONDS)
        else:
            return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end. The clients are left: in a container they end with it, elsewhere they go on."""
    options = parser().parse_args(arguments)
    if not options.node_id:
        parser().error("--node-id: expected the node's name, or NODE_ID in the environment.")
    name: str = options.driver_name
    endpoint = socket_path(options.endpoint or f"{KUBELET}/plugins/{name}/csi.sock")
    register = socket_path(options.registration or f"{KUBELET}/plugins_registry/{name}-reg.sock")
    directory = options.state or Path(KUBELET, "plugins", name)
    to_stderr()
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: ending.set())
    if not alone(directory, ending):
        return 0
    try:
        node = Node(directory, options.allow, Limits(mount=options.mount_seconds))
    except (ValueError, OSError) as error:
        logger.error("cannot start", extra={"reason": str(error)})
        return 1
    node.recover()
    servers = _serve(name, options.node_id, node, endpoint, register)
    logger.info("serving", extra={"endpoint": str(endpoint), "registration": str(register)})
    ending.wait()
    register.unlink(missing_ok=True)
    for stopped in [server.stop(GRACE_SECONDS) for server in servers]:
        stopped.wait()
    node.close()
    return 0


def _serve(name: str, node_id: str, node: Node, endpoint: Path, register: Path) -> list[grpc.Server]:
    """Both sockets, the kubelet's registration last: it calls the other one at once."""
    driver = grpc.server(ThreadPoolExecutor(THREADS))
    add_IdentityServicer_to_server(Identity(name), driver)
    add_NodeServicer_to_server(NodeService(node, node_id), driver)
    registrar = grpc.server(ThreadPoolExecutor(2))
    add_RegistrationServicer_to_server(Registration(name, str(endpoint)), registrar)
    return [serving(endpoint, driver), serving(register, registrar)]


if __name__ == "__main__":
    sys.exit(main())
