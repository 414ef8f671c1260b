"""What pods see when the driver, its clients or the servers die."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from csi.gluster import Gluster
from csi.kubelet import Node, Pod, until
from csi.sandbox import Sandbox

pytestmark = pytest.mark.e2e


@pytest.fixture
def pod(node: Node) -> Generator[Pod]:
    """A pod with a volume that holds the file x."""
    (node.publish("p", "recovery") / "x").write_text("kept")
    pod = Pod(node, "p")
    yield pod
    pod.end()
    node.unpublish("p")
    assert node.mounts() == []
    assert node.clients() == []


def test_after_a_restart_of_the_driver_pods_see_their_data_again(node: Node, pod: Pod) -> None:
    for _ in range(3):
        node.kill()
        assert pod.reads("x") is None
        node.start()
        until(lambda: pod.reads("x") == "kept")
        # The mount the pod began with, and the one that was put over it; not one more each time.
        assert node.mounts().count(str(node.target("p"))) == 2
    (pod.volume / "y").write_text("new")
    assert (node.seen("p") / "y").read_text() == "new"


def test_read_only_stays_so_after_a_restart(node: Node, pod: Pod) -> None:
    volume = node.publish("reader", "recovery", read_only=True)
    node.kill()
    node.start()
    until(lambda: pod.reads("x") == "kept" and (volume / "x").exists())
    with pytest.raises(OSError, match="Read-only file system"):
        (volume / "x").write_text("2")
    node.unpublish("reader")


def test_a_client_that_is_killed_is_replaced_at_once(node: Node, pod: Pod) -> None:
    (client,) = node.clients()
    os.kill(client, signal.SIGKILL)
    assert until(lambda: pod.reads("x") == "kept") < 10
    assert node.clients() != [client]


def test_a_directory_that_is_away_when_its_client_dies_is_bound_once_it_is_back(node: Node, pod: Pod) -> None:
    root = node.publish("root")
    (root / "moved").mkdir()
    reader = node.publish("reader", "moved", read_only=True)
    (root / "moved" / "y").write_text("back")
    (root / "moved").rename(root / "away")
    os.kill(node.clients()[0], signal.SIGKILL)
    until(lambda: pod.reads("x") == "kept")
    assert not readable(reader / "y")
    (root / "away").rename(root / "moved")
    until(lambda: readable(reader / "y"))
    assert {point.rpartition("/")[2] for point in node.mounts()} == {"mount", *os.listdir(node.state / "mounts")}
    for name in ("root", "reader"):
        node.unpublish(name)


def test_a_driver_outside_of_a_container_goes_on_with_the_clients_it_left(box: Sandbox, gluster: Gluster) -> None:
    node = Node(box, gluster.servers, contained=False)
    node.allow({"namespaces": ["ml"]})
    node.start()
    (node.publish("p", "host") / "x").write_text("kept")
    clients = node.clients()
    node.kill()
    assert (node.seen("p") / "x").read_text() == "kept"
    node.start()
    assert node.clients() == clients
    os.kill(clients[0], signal.SIGKILL)
    until(lambda: readable(node.seen("p") / "x"))
    node.unpublish("p")
    assert node.clients() == []
    node.stop()


def test_servers_that_hang_hold_up_nobody_else_and_leave_nothing(box: Sandbox, gluster: Gluster) -> None:
    node = Node(box, gluster.servers, ["--mount-seconds=2"])
    node.allow({"namespaces": ["ml"]})
    node.start()
    node.publish("p", "hang")
    gluster.pause(1)
    try:
        with ThreadPoolExecutor() as pool:
            hanging = pool.submit(node.publish, "q", "hang", servers=gluster.servers[0])
            node.publish("r", "hang")
            assert not hanging.done()
            with pytest.raises(grpc.RpcError) as call:
                hanging.result()
    finally:
        gluster.pause(1, go_on=True)
    assert call.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(node.clients()) == 1
    node.publish("q", "hang", servers=gluster.servers[0])
    for name in ("p", "q", "r"):
        node.unpublish(name)
    assert node.mounts() == []
    node.stop()


def readable(file: Path) -> bool:
    """Whether it can be read."""
    try:
        return bool(file.read_text())
    except OSError:
        return False


def test_while_the_driver_is_down_nothing_is_lost_that_was_noted(node: Node) -> None:
    for name in ("a", "b"):
        node.publish(name, name)
    node.kill()
    node.start()
    node.unpublish("a")
    assert node.mounts().count(str(node.target("a"))) == 0
    until(lambda: readable_directory(node.seen("b")))
    node.unpublish("b")
    assert node.mounts() == []


def readable_directory(directory: Path) -> bool:
    """Whether it can be listed."""
    try:
        os.listdir(directory)
    except OSError:
        return False
    return True


def test_a_brick_dies_and_is_healed_while_a_pod_writes(node: Node, pod: Pod, gluster: Gluster) -> None:
    done, written = threading.Event(), list[str]()

    def write() -> None:
        while not done.is_set():
            name = f"step-{len(written)}"
            with (pod.volume / f".{name}").open("w") as file:
                file.write(name * 1000)
                file.flush()
                os.fsync(file.fileno())
            (pod.volume / f".{name}").rename(pod.volume / name)
            written.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: len(written) > 3)
    gluster.kill_brick(2, "rep3")
    before = len(written)
    until(lambda: len(written) > before + 10)
    done.set()
    writer.join()
    assert not (gluster.brick(2, "rep3") / "recovery" / written[-1]).exists()
    gluster.heal("rep3")
    for number in (1, 2, 3):
        brick = gluster.brick(number, "rep3") / "recovery"
        assert all((brick / name).read_text() == name * 1000 for name in written)
