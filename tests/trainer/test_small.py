"""The supervisor is small: the standard library only, and little memory."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from akid.trainer import command, supervisor, settings, zygote
names = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
rss = next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]
akid = sorted(name for name in sys.modules if name.startswith("akid"))
print(json.dumps({"others": sorted(names - {"__main__"}), "akid": akid, "rss": int(rss) / 1024}))
"""


def test_the_supervisor_is_the_standard_library_and_at_most_25_mb():
    done = subprocess.run([sys.executable, "-S", "-c", PROGRAM], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert set(found["others"]) <= {"akid"}
    shared = ("akid", "akid.generations", "akid.member_logs", "akid.prometheus", "akid.report", "akid.snapshots")
    assert all(name in shared or name.startswith("akid.trainer") for name in found["akid"])
    assert found["rss"] <= 25
