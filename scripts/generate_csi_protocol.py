"""`make protocol`: write operator/akid_csi/protocol from the published protobuf definitions.

Of the CSI specification only the services a node driver has, with the messages these need, are kept: the whole is
five times as much. The definitions come from their Go modules, whose checksums Go verifies.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2 as pb
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from cluster.go_build import toolchain  # noqa: E402 - the path comes first

TARGET = ROOT / "operator" / "akid_csi" / "protocol"
PACKAGE = "akid_csi/protocol"
# Name of the Python module: (Go module, its version, the file in it, the services wanted of it).
SOURCES = {
    "csi": ("github.com/container-storage-interface/spec", "v1.13.0", "csi.proto", ("Identity", "Node")),
    "registration": ("k8s.io/kubelet", "v0.34.4", "pkg/apis/pluginregistration/v1/api.proto", ("Registration",)),
}
STUBS = '''"""What pyright knows of the generated gRPC code."""

import grpc
from {package} import {name}_pb2 as pb
'''


def module_directory(module: str, version: str) -> Path:
    """The directory of a Go module, downloaded first if need be."""
    command = [toolchain(), "mod", "download", "-json", f"{module}@{version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    found = json.loads(done.stdout or "{}")
    if done.returncode:
        raise SystemExit(f"cannot download {module} {version}: {found.get('Error') or done.stderr}")
    return Path(found["Dir"])


def descriptors(file: Path, directory: Path) -> pb.FileDescriptorProto:
    """What a .proto file defines, without its comments."""
    out = directory / "whole.pb"
    code = protoc.main(["protoc", f"-I{file.parent}", f"-I{includes()}", f"--descriptor_set_out={out}", str(file)])
    if code:
        raise SystemExit(f"protoc failed on {file} with {code}")
    (whole,) = pb.FileDescriptorSet.FromString(out.read_bytes()).file
    return whole


def includes() -> Path:
    """The well-known types, which come with protoc."""
    return Path(protoc.__file__).parent / "_proto"


def types_of(message: pb.DescriptorProto) -> Iterator[str]:
    """Full names of the types that a message's fields have, those of nested messages included."""
    yield from (field.type_name for field in message.field if field.type_name)
    for nested in message.nested_type:
        yield from types_of(nested)


def pruned(whole: pb.FileDescriptorProto, name: str, services: tuple[str, ...]) -> pb.FileDescriptorProto:
    """Only the services, and what they reach. Custom options go: they document, and are not sent."""
    kept = [service for service in whole.service if service.name in services]
    tops = {entry.name: entry for entry in [*whole.message_type, *whole.enum_type]}
    open_ = [
        kind for service in kept for method in service.method for kind in (method.input_type, method.output_type)
    ]
    needed: set[str] = set()
    while open_:
        parts = open_.pop().removeprefix(f".{whole.package}.").split(".")
        if parts[0] not in tops or parts[0] in needed:
            continue
        needed.add(parts[0])
        top = tops[parts[0]]
        open_ += types_of(top) if isinstance(top, pb.DescriptorProto) else []
    part = pb.FileDescriptorProto(
        name=f"{PACKAGE}/{name}.proto",
        package=whole.package,
        syntax=whole.syntax,
        dependency=[entry for entry in whole.dependency if not entry.endswith("/descriptor.proto")],
        message_type=[entry for entry in whole.message_type if entry.name in needed],
        enum_type=[entry for entry in whole.enum_type if entry.name in needed],
        service=kept,
    )
    discard_custom_options(part)
    return part


def discard_custom_options(part: pb.FileDescriptorProto) -> None:
    """Options are extensions, which this program does not know: unknown fields, everywhere."""
    part.DiscardUnknownFields()  # type: ignore[attr-defined]


def well_known(directory: Path, names: list[str]) -> list[pb.FileDescriptorProto]:
    """The definitions the part depends on."""
    out = directory / "known.pb"
    protoc.main(["protoc", f"-I{includes()}", "--include_imports", f"--descriptor_set_out={out}", *names])
    return list(pb.FileDescriptorSet.FromString(out.read_bytes()).file)


def stub_lines(name: str, part: pb.FileDescriptorProto) -> Iterator[str]:
    """A .pyi of the generated gRPC module, which has no types."""
    yield STUBS.format(package=PACKAGE.replace("/", "."), name=name)
    for service in part.service:
        methods = [
            (method.name, *(kind.rsplit(".", 1)[1] for kind in (method.input_type, method.output_type)))
            for method in service.method
        ]
        yield f"class {service.name}Stub:\n    def __init__(self, channel: grpc.Channel) -> None: ..."
        yield from (f"    {call}: grpc.UnaryUnary[pb.{given}, pb.{result}]" for call, given, result in methods)
        yield f"\nclass {service.name}Servicer:"
        for call, given, result in methods:
            yield f"    def {call}(self, request: pb.{given}, context: grpc.ServicerContext) -> pb.{result}: ..."
        yield (
            f"\ndef add_{service.name}Servicer_to_server"
            f"(servicer: {service.name}Servicer, server: grpc.Server) -> None: ...\n"
        )


def generate(name: str, directory: Path) -> None:
    """Write the modules of one definition."""
    module, version, file, services = SOURCES[name]
    part = pruned(descriptors(module_directory(module, version) / file, directory), name, services)
    needed = well_known(directory, list(part.dependency)) if part.dependency else []
    (directory / "part.pb").write_bytes(pb.FileDescriptorSet(file=[*needed, part]).SerializeToString())
    outs = [f"--{kind}_out={TARGET.parents[1]}" for kind in ("python", "pyi", "grpc_python")]
    code = protoc.main(["protoc", f"--descriptor_set_in={directory / 'part.pb'}", *outs, part.name])
    if code:
        raise SystemExit(f"protoc failed on the part of {file} with {code}")
    (TARGET / f"{name}_pb2_grpc.pyi").write_text("\n".join(stub_lines(name, part)))


def main() -> None:
    """Write all."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        for name in SOURCES:
            generate(name, Path(directory))


if __name__ == "__main__":
    main()
