"""The services of CSI and of the kubelet's plugin registration: messages in, messages out."""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping
from typing import NoReturn

import grpc

from akid_csi import __version__, attributes
from akid_csi.logs import logger
from akid_csi.node import Node
from akid_csi.protocol import csi_pb2 as csi
from akid_csi.protocol import registration_pb2 as registration
from akid_csi.protocol.csi_pb2_grpc import IdentityServicer, NodeServicer
from akid_csi.protocol.registration_pb2_grpc import RegistrationServicer
from akid_csi.refusal import Code, Refusal

#: Errors of a volume whose servers are away; the request may do later.
AWAY = {errno.ENOTCONN, errno.EIO, errno.ETIMEDOUT, errno.ECONNABORTED, errno.EHOSTUNREACH, errno.ESTALE}
MODES = csi.VolumeCapability.AccessMode
READ_ONLY_MODES = {MODES.SINGLE_NODE_READER_ONLY, MODES.MULTI_NODE_READER_ONLY}


class Identity(IdentityServicer):
    """Who the driver is.

    Args:
        name: as in its CSIDriver object.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def GetPluginInfo(
        self, request: csi.GetPluginInfoRequest, context: grpc.ServicerContext
    ) -> csi.GetPluginInfoResponse:
        """Name and version."""
        return csi.GetPluginInfoResponse(name=self._name, vendor_version=__version__)

    def GetPluginCapabilities(
        self, request: csi.GetPluginCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.GetPluginCapabilitiesResponse:
        """No controller: volumes are there before, and directories of them are made on the node."""
        return csi.GetPluginCapabilitiesResponse()

    def Probe(self, request: csi.ProbeRequest, context: grpc.ServicerContext) -> csi.ProbeResponse:
        """It serves, so it is ready."""
        response = csi.ProbeResponse()
        response.ready.value = True
        return response


class Registration(RegistrationServicer):
    """How the kubelet gets to know the driver, without a side-car.

    Args:
        name: the driver's name.
        endpoint: its CSI socket, by the path it has on the node.
    """

    def __init__(self, name: str, endpoint: str) -> None:
        self._info = registration.PluginInfo(
            type="CSIPlugin", name=name, endpoint=endpoint, supported_versions=["1.0.0"]
        )

    def GetInfo(self, request: registration.InfoRequest, context: grpc.ServicerContext) -> registration.PluginInfo:
        """What to register."""
        return self._info

    def NotifyRegistrationStatus(
        self, request: registration.RegistrationStatus, context: grpc.ServicerContext
    ) -> registration.RegistrationStatusResponse:
        """Whatever it says the driver stays: its end would take the pods' mounts, and the kubelet retries."""
        if request.plugin_registered:
            logger.info("registered")
        else:
            logger.error("not registered", extra={"reason": request.error})
        return registration.RegistrationStatusResponse()


class NodeService(NodeServicer):
    """What the kubelet asks for.

    Args:
        node: what does it.
        node_id: the node's name.
    """

    def __init__(self, node: Node, node_id: str) -> None:
        self._node, self._id = node, node_id

    def NodeGetInfo(
        self, request: csi.NodeGetInfoRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetInfoResponse:
        """The node's name; no limit, no topology."""
        return csi.NodeGetInfoResponse(node_id=self._id)

    def NodeGetCapabilities(
        self, request: csi.NodeGetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetCapabilitiesResponse:
        """How full volumes are. No staging: the clients are counted here, for inline volumes too."""
        kind = csi.NodeServiceCapability.RPC
        stats = csi.NodeServiceCapability(rpc=kind(type=kind.GET_VOLUME_STATS))
        return csi.NodeGetCapabilitiesResponse(capabilities=[stats])

    def NodePublishVolume(
        self, request: csi.NodePublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodePublishVolumeResponse:
        """Bind a directory of a volume to the target path."""
        begun = time.monotonic()
        told = {"target": request.target_path, "pod": _pod(request.volume_context)}
        try:
            _need(request.volume_id, "volume_id")
            _need(request.target_path, "target_path")
            _check_capability(request)
            namespace = attributes.namespace(request.volume_context)
            read_only = request.readonly or request.volume_capability.access_mode.mode in READ_ONLY_MODES
            wanted = attributes.wanted(request.volume_context, read_only=read_only)
            told |= {"directory": str(wanted), "readOnly": str(read_only).lower()}
            self._node.publish(namespace, request.target_path, wanted)
        except (Refusal, OSError) as error:
            _abort(context, "not published", told, error)
        logger.info("published", extra={**told, "seconds": round(time.monotonic() - begun, 3)})
        return csi.NodePublishVolumeResponse()

    def NodeUnpublishVolume(
        self, request: csi.NodeUnpublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodeUnpublishVolumeResponse:
        """Take it off again."""
        told = {"target": request.target_path}
        try:
            _need(request.volume_id, "volume_id")
            _need(request.target_path, "target_path")
            self._node.unpublish(request.target_path)
        except (Refusal, OSError) as error:
            _abort(context, "not unpublished", told, error)
        logger.info("unpublished", extra=told)
        return csi.NodeUnpublishVolumeResponse()

    def NodeGetVolumeStats(
        self, request: csi.NodeGetVolumeStatsRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetVolumeStatsResponse:
        """How full the whole volume is: directories have no size of their own without a quota."""
        try:
            _need(request.volume_id, "volume_id")
            _need(request.volume_path, "volume_path")
            usage = self._node.usage(request.volume_path)
        except (Refusal, OSError) as error:
            _abort(context, "no statistics", {"target": request.volume_path}, error)
        kind = csi.VolumeUsage
        return csi.NodeGetVolumeStatsResponse(
            usage=[
                kind(unit=kind.BYTES, total=usage.total, available=usage.available, used=usage.used),
                kind(
                    unit=kind.INODES,
                    total=usage.inodes,
                    available=usage.inodes_free,
                    used=usage.inodes - usage.inodes_free,
                ),
            ]
        )


def _need(value: str, name: str) -> None:
    if not value:
        raise Refusal(Code.INVALID_ARGUMENT, f"{name}: required, and empty.")


def _check_capability(request: csi.NodePublishVolumeRequest) -> None:
    if not request.HasField("volume_capability"):
        raise Refusal(Code.INVALID_ARGUMENT, "volume_capability: required, and missing.")
    if request.volume_capability.HasField("block"):
        raise Refusal(
            Code.INVALID_ARGUMENT,
            "volume_capability: a GlusterFS volume is no block device; use volumeMode Filesystem.",
        )
    if request.volume_capability.mount.mount_flags:
        flags = list(request.volume_capability.mount.mount_flags)
        raise Refusal(
            Code.INVALID_ARGUMENT,
            f"mountOptions: none, since pods share one client. Received: {flags}",
        )


def _pod(context: Mapping[str, str]) -> str:
    """Whose it is, for the log."""
    prefix = "csi.storage.k8s.io/pod."
    return f"{context.get(prefix + 'namespace', '')}/{context.get(prefix + 'name', '')}"


def _abort(
    context: grpc.ServicerContext, event: str, told: Mapping[str, str], error: Refusal | OSError
) -> NoReturn:
    code = error.code if isinstance(error, Refusal) else Code.UNAVAILABLE if error.errno in AWAY else Code.INTERNAL
    logger.warning(event, extra={**told, "code": str(code), "reason": str(error)})
    context.abort(grpc.StatusCode[code], str(error))
