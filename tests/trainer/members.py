"""Jobs whose members train under their supervisors, without TensorFlow."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from json_lines import json_lines
from runner.stubs import job, logs

#: Trains to step 120 from a checkpoint of the chief's each 10 steps; the members of a generation begin together,
#: since on a busy machine one may be done before another has started.
TRAIN = """
import json
generation, steps = int(os.environ["AKID_GENERATION"]), int(os.environ.get("STEPS", "120"))
print(f"pid={os.getpid()}")
checkpoint = log_dir / "checkpoint"
step = int(checkpoint.read_text()) if checkpoint.exists() else 0
report.step(step, max_steps=steps)
def terminate(*_):
    sys.exit(143)
signal.signal(signal.SIGTERM, terminate)
there = log_dir / f"there-{generation}"
there.mkdir(exist_ok=True)
(there / str(index)).touch()
while len(list(there.iterdir())) < len(json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]):
    time.sleep(0.01)
while step < steps:
    time.sleep(0.01)
    step += 1
    BODY
    if index == 0 and step % 10 == 0:
        checkpoint.with_suffix(".new").write_text(str(step))
        checkpoint.with_suffix(".new").replace(checkpoint)
    report.step(step, loss=1 / step)
report.done()
"""


def supervised(
    directory: Path, body: str = "", workers: int = 3, steps: int = 120, grace: int = 60, **options: Any
) -> Path:
    """A job whose members run TRAIN under their supervisors, with lines of their own in each step."""
    program = TRAIN.replace("BODY", body or "pass").replace('"120"', f'"{steps}"')
    file = job(directory, program, workers, **options)
    manifest = json.loads(file.read_text())
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = grace
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["command"] = [sys.executable, "-m", "akid", "train", "--", *container["command"]]
    file.write_text(json.dumps(manifest))
    return file


def told(file: Path, member: str) -> list[dict[str, Any]]:
    """The supervisor's lines in a member's last log."""
    text = [text for name, text in logs(file).items() if name.startswith(member)][-1]
    return json_lines(text)
