"""Members that only serve a chief: when they end. Without TensorFlow."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from json_lines import json_lines
from runner.stubs import job, logs, started, wait_until

#: A chief that ends when it is told, or after its steps, and says who was there then; the others wait.
PROGRAM = """
role, there = os.environ["AKID_ROLE"], log_dir / "there"
def serving():
    return sorted(path.name for path in there.iterdir() if os.path.exists(f"/proc/{path.read_text()}"))
def end(*_):
    if role == "chief":
        time.sleep(0.5)
        print("beside me:", *serving())
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
there.mkdir(exist_ok=True)
if role != "chief":
    (there / f"{role}-{index}").write_text(str(os.getpid()))
    while True:
        signal.pause()
while len(serving()) < 3:
    time.sleep(0.01)
print("all are there")
for step in range(STEPS):
    time.sleep(0.01)
    report.step(step + 1)
report.done()
"""


def served(directory: Path, steps: int) -> Path:
    engine = {"name": "parameter_server", "workers": 2}
    file = job(directory, PROGRAM.replace("STEPS", str(steps)), engine=engine)
    manifest = json.loads(file.read_text())
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["command"] = [sys.executable, "-m", "akid", "train", "--", *container["command"]]
    file.write_text(json.dumps(manifest))
    return file


def codes(file: Path, member: str) -> list[int]:
    records = json_lines(logs(file)[f"{member}-0"])
    return [record["code"] for record in records if "code" in record]


def test_they_are_told_to_end_once_the_chief_is_done(tmp_path):
    file = served(tmp_path, 20)
    with started(file) as process:
        assert process.wait(timeout=60) == 0
    assert [codes(file, member) for member in ("worker-0", "worker-1", "ps-0")] == [[143]] * 3


def test_they_stay_until_the_chief_has_saved_when_everybody_is_told_to_end(tmp_path):
    file = served(tmp_path, 10_000)
    with started(file) as process:
        wait_until(lambda: "all are there" in logs(file).get("chief-0-0", ""))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    assert "beside me: ps-0 worker-0 worker-1" in logs(file)["chief-0-0"]


def test_a_worker_that_is_killed_is_started_again_in_its_generation(tmp_path):
    file = served(tmp_path, 150)
    with started(file, "--chaos", "kill:worker-1@step=50") as process:
        assert process.wait(timeout=60) == 0
    assert codes(file, "worker-1")[0] == -9
    assert len(codes(file, "worker-1")) == 2
    assert codes(file, "worker-0") == [143]
