"""The first process of a sandbox: makes its mounts, runs the command, and buries orphans, as any process 1 must.

Whatever is written below /etc, /var/lib and /var/log goes to the state directory; /run is empty. When the command
ends, so does this process, and with it the whole namespace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: Seen as they are; what is written in there goes to the state directory.
LAYERED = ("/etc", "/var/lib", "/var/log")
#: With so much memory the nodes' images, 7 GB, are kept in it: imported in half the time, and gone in a moment.
PLENTY = 15 * 2**30


def mount(*arguments: str) -> None:
    """By the program, whose messages say what is wrong."""
    subprocess.run(["mount", *arguments], check=True)


def available_memory() -> int:
    """Bytes, by the kernel's estimate."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def prepare(state: Path) -> None:
    """The mounts, and the loopback interface."""
    for path in LAYERED:
        upper, work = (state / "layers" / kind / path.strip("/") for kind in ("upper", "work"))
        for directory in (upper, work):
            directory.mkdir(parents=True)
        mount("-t", "overlay", "overlay", "-o", f"lowerdir={path},upperdir={upper},workdir={work}", path)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    (state / "disks").mkdir()
    if available_memory() > PLENTY:
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(state / "disks"))
    Path("/run/netns").mkdir()
    (state / "tmp").mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def run(command: list[str], state: Path) -> int:
    """Run the command; take in every process that loses its parent meanwhile."""
    environment = os.environ | {"TMPDIR": str(state / "tmp"), "AKID_SANDBOX": str(state)}
    child = os.posix_spawnp(command[0], command, environment)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
    sys.exit(run(sys.argv[2:], Path(sys.argv[1])))
