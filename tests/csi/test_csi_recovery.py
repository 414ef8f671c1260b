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
from akid_csi.volume import MOST_LAYERS
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


@pytest.fixture
def outside(box: Sandbox, gluster: Gluster) -> Generator[Node]:
    """A driver that is a process of the node: when it ends, its clients go on."""
    node = Node(box, gluster.servers, contained=False)
    node.allow({"namespaces": ["ml"]})
    node.start()
    yield node
    node.stop()


def test_after_a_restart_of_the_driver_pods_see_their_data_again(node: Node, pod: Pod) -> None:
    """So does a container of it that was started anew in between."""
    containers = [pod]
    for _ in range(3):
        node.kill()
        assert not any(container.reads("x") for container in containers)
        node.start()
        until(lambda: all(container.reads("x") == "kept" for container in containers))
        containers.append(Pod(node, "p"))
    for container in containers:
        (container.volume / "y").write_text(str(id(container)))
        assert (node.seen("p") / "y").read_text() == str(id(container))
    for container in containers[1:]:
        container.end()


def test_dead_mounts_do_not_become_more_and_more(node: Node, pod: Pod) -> None:
    for _ in range(MOST_LAYERS + 3):
        (client,) = node.clients()
        os.kill(client, signal.SIGKILL)
        until(lambda: pod.reads("x") == "kept")
    assert node.mounts().count(str(node.target("p"))) <= MOST_LAYERS


def test_a_client_outlives_servers_that_are_away(outside: Node, gluster: Gluster) -> None:
    """Two of three: nothing can be read, and what is open can be written again once they are back."""
    volume = outside.publish("p", "outage")
    (volume / "x").write_text("kept")
    clients = outside.clients()
    with (volume / "open").open("wb", buffering=0) as file:
        for number in (2, 3):
            gluster.kill_brick(number, "rep3")
        until(lambda: not readable(volume / "x"))
        outside.kill()
        outside.start()  # it looks whether the client it left still serves
        gluster.heal("rep3")
        until(lambda: readable(volume / "x"))
        file.write(b"1")
    assert outside.clients() == clients
    outside.unpublish("p")


def test_another_server_is_asked_after_one_that_hangs(box: Sandbox, gluster: Gluster) -> None:
    """It takes connections, and says nothing."""
    node = Node(box, gluster.servers, ["--mount-seconds=8"])
    node.allow({"namespaces": ["ml"]})
    node.start()
    gluster.pause(1)
    try:
        with pytest.raises(grpc.RpcError):
            node.publish("p", "hang")
        node.publish("p", "hang")
    finally:
        gluster.pause(1, go_on=True)
    node.unpublish("p")
    node.stop()


def test_two_drivers_of_a_node_are_never_at_work_at_once(box: Sandbox, gluster: Gluster) -> None:
    """As when the DaemonSet moves to another namespace."""
    old, new = (Node(box, gluster.servers) for _ in range(2))
    old.allow({"namespaces": ["ml"]})
    old.start()
    (old.publish("p", "two") / "x").write_text("kept")
    with ThreadPoolExecutor() as pool:
        starting = pool.submit(new.start)
        until(lambda: "waiting for another driver of this node" in new.log.read_text())
        (old.publish("q", "two") / "x").write_text("kept")
        old.stop()
        starting.result()
    new.ready()
    for name in ("p", "q"):
        until(lambda name=name: readable(new.seen(name) / "x"))
        new.unpublish(name)
    new.stop()


def test_read_only_stays_so_after_a_restart(node: Node, pod: Pod) -> None:
    volume = node.publish("reader", "recovery", read_only=True)
    node.kill()
    node.start()
    until(lambda: readable(volume / "x"))
    with pytest.raises(OSError, match="Read-only file system"):
        (volume / "x").write_text("2")
    node.unpublish("reader")


def test_a_client_that_is_killed_is_replaced_at_once(node: Node, pod: Pod) -> None:
    (client,) = node.clients()
    os.kill(client, signal.SIGKILL)
    assert until(lambda: pod.reads("x") == "kept") < 10
    assert node.clients() != [client]


def test_a_client_that_the_kernel_has_given_up_is_replaced_at_once(node: Node, pod: Pod) -> None:
    """It ends by itself, so whatever else gives an error is no sign that a client is dead."""
    clients, control = node.clients(), "/sys/fs/fuse/connections"
    number = os.minor(node.seen("p").stat().st_dev)
    mounted = f"mountpoint -q {control} || mount -t fusectl none {control}"
    node.box.run("sh", "-ec", f"{mounted}; echo 1 > {control}/{number}/abort")
    until(lambda: pod.reads("x") == "kept" and node.clients() != clients)


def test_a_directory_that_is_away_when_its_client_dies_is_bound_once_it_is_back(node: Node, pod: Pod) -> None:
    root = node.publish("root")
    (root / "moved").mkdir()
    reader = node.publish("reader", "moved", read_only=True)
    (root / "moved" / "y").write_text("back")
    (root / "moved").rename(root / "away")
    os.kill(node.clients()[0], signal.SIGKILL)
    until(lambda: readable(root / "recovery" / "x"))
    assert not readable(reader / "y")
    (root / "away").rename(root / "moved")
    until(lambda: readable(reader / "y"))
    assert {point.rpartition("/")[2] for point in node.mounts()} == {"mount", *os.listdir(node.state / "mounts")}
    for name in ("root", "reader"):
        node.unpublish(name)


def test_a_driver_outside_of_a_container_goes_on_with_the_clients_it_left(outside: Node) -> None:
    node = outside
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


def test_servers_that_hang_hold_up_nobody_else_and_leave_nothing(box: Sandbox, gluster: Gluster) -> None:
    node = Node(box, gluster.servers, ["--mount-seconds=2"])
    alone = gluster.servers[:1]
    node.allow({"namespaces": ["ml"]}, {"namespaces": ["ml"], "servers": alone, "volume": "other"})
    node.start()
    node.publish("p", "hang")
    gluster.pause(1)
    try:
        with ThreadPoolExecutor() as pool:
            hanging = pool.submit(node.publish, "q", "hang", servers=alone[0], volume="other")
            node.publish("r", "hang")
            assert not hanging.done()
            with pytest.raises(grpc.RpcError) as call:
                hanging.result()
    finally:
        gluster.pause(1, go_on=True)
    assert call.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(node.clients()) == 1
    node.publish("q", "hang")
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
