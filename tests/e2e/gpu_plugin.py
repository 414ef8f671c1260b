"""A device plugin of the kubelet that has GPUs nobody made: `gpu_plugin.py MESSAGES COUNT`.

MESSAGES is the directory of the modules made of the kubelet's definitions. It registers again when the kubelet was
started again, which empties the directory of sockets.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc

sys.path.insert(0, sys.argv[1])
api: Any = importlib.import_module("deviceplugin_pb2")
services: Any = importlib.import_module("deviceplugin_pb2_grpc")

DIRECTORY = Path("/var/lib/kubelet/device-plugins")
KUBELET = DIRECTORY / "kubelet.sock"
SOCKET = DIRECTORY / "akid-e2e-gpu.sock"
RESOURCE = "nvidia.com/gpu"


class Plugin(services.DevicePluginServicer):
    """Hands out numbers."""

    def __init__(self, count: int) -> None:
        self._devices = [api.Device(ID=f"GPU-{index}", health="Healthy") for index in range(count)]

    def GetDevicePluginOptions(self, request: Any, context: Any) -> Any:
        return api.DevicePluginOptions()

    def ListAndWatch(self, request: Any, context: Any) -> Iterator[Any]:
        """One list, which never changes; the stream ends with the kubelet's interest."""
        ended = threading.Event()
        context.add_callback(ended.set)
        yield api.ListAndWatchResponse(devices=self._devices)
        ended.wait()

    def Allocate(self, request: Any, context: Any) -> Any:
        """A real one would name device files too."""
        answer = api.AllocateResponse()
        for container in request.container_requests:
            answer.container_responses.add(envs={"NVIDIA_VISIBLE_DEVICES": ",".join(container.devices_ids)})
        return answer

    def PreStartContainer(self, request: Any, context: Any) -> Any:
        return api.PreStartContainerResponse()

    def GetPreferredAllocation(self, request: Any, context: Any) -> Any:
        return api.PreferredAllocationResponse()


def serve(count: int) -> grpc.Server:
    """Listen beside the kubelet."""
    SOCKET.unlink(missing_ok=True)
    server = grpc.server(futures.ThreadPoolExecutor(8))
    services.add_DevicePluginServicer_to_server(Plugin(count), server)
    server.add_insecure_port(f"unix:{SOCKET}")
    server.start()
    return server


def registered() -> bool:
    """Tell the kubelet of us; whether it heard it. It may have ended just now, and will be started again."""
    options = [("grpc.default_authority", "localhost")]
    with closing(grpc.insecure_channel(f"unix:{KUBELET}", options=options)) as channel:
        request = api.RegisterRequest(version="v1beta1", endpoint=SOCKET.name, resource_name=RESOURCE)
        try:
            services.RegistrationStub(channel).Register(request, timeout=10, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return True


def main() -> None:
    """Serve until killed; anew with each kubelet."""
    known, server = -1, None
    while True:
        kubelet = KUBELET.stat().st_ino if KUBELET.exists() else None
        if kubelet is not None and (kubelet != known or not SOCKET.exists()):
            if server is not None:
                server.stop(0)
            server = serve(int(sys.argv[2]))
            known = kubelet if registered() else -1
        time.sleep(0.2)


if __name__ == "__main__":
    main()
