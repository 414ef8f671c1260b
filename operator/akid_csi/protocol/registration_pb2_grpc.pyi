"""What pyright knows of the generated gRPC code."""

import grpc
from akid_csi.protocol import registration_pb2 as pb

class RegistrationStub:
    def __init__(self, channel: grpc.Channel) -> None: ...
    GetInfo: grpc.UnaryUnary[pb.InfoRequest, pb.PluginInfo]
    NotifyRegistrationStatus: grpc.UnaryUnary[pb.RegistrationStatus, pb.RegistrationStatusResponse]

class RegistrationServicer:
    def GetInfo(self, request: pb.InfoRequest, context: grpc.ServicerContext) -> pb.PluginInfo: ...
    def NotifyRegistrationStatus(self, request: pb.RegistrationStatus, context: grpc.ServicerContext) -> pb.RegistrationStatusResponse: ...

def add_RegistrationServicer_to_server(servicer: RegistrationServicer, server: grpc.Server) -> None: ...
