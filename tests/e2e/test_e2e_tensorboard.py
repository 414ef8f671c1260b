"""TensorBoard of a job that has ended: a real browser shows the curve of the loss, from the log volume."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from cluster.waiting import wait_for
from csi.gluster import Gluster
from e2e.browser import Page, browser
from e2e.times import Times
from e2e.training import Training, changed
from e2e.volumes import of_job, opened, saved

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
STEPS = 120
DIGITS = Path(__file__).parents[2] / "examples/jobs/digits.yaml"
#: Of the card with this title: the points of its lines in pixels from the upper left corner, and its table.
CURVES = """
(() => {
    const cards = [...document.querySelectorAll('scalar-card')];
    const card = cards.find(card => card.innerText.replace(/\\s/g, '').startsWith('train/loss'));
    if (!card) return null;
    const lines = [...card.querySelectorAll('line-chart path')].map(path => path.getAttribute('d'));
    return JSON.stringify({lines, table: card.querySelector('scalar-card-data-table')?.innerText ?? ''});
})()
"""
POINT = re.compile(r"(-?[\d.]+),(-?[\d.]+)")
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())"


def curves(page: Page) -> dict[str, Any]:
    """The lines of the loss that the page draws, each as its points; empty as long as it draws none."""
    told = json.loads(page.ask(CURVES) or "{}")
    lines = [[(float(x), float(y)) for x, y in POINT.findall(line)] for line in told.get("lines", [])]
    drawn = [line for line in lines if len(line) > 2]
    return {"lines": drawn, "table": told["table"]} if drawn and told["table"] else {}


def left(gluster: Gluster, namespace: str) -> dict[str, int]:
    """The steps of what a namespace's job has left on the volume: its result, its newest checkpoint."""
    with opened(gluster) as root:
        (result,) = (root / namespace).rglob("result.json")
        step = json.loads(result.read_text())["step"]
    return {"result": step, "checkpoint": saved(gluster, namespace)[-1]}


def test_a_browser_shows_the_curve_of_the_loss(
    training: Training, gluster: Gluster, times: Times, tmp_path: Path
) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["volumes"] = {"log": of_job(gluster, training.namespace)["log"]}
        spec["kid"] |= {"max_steps": STEPS, "train_log_step": 10, "val_log_step": STEPS}
        spec["tensorboard"] = {}

    begun = time.monotonic()
    training.apply(changed(DIGITS, "digits", change))
    training.reach("digits", "Succeeded", timeout=480)
    wait_for(lambda: training.status("digits")["tensorboard"].get("ready"), "TensorBoard is ready", 240, every=0.5)
    times.note("digits with TensorBoard: apply -> ended, and it is ready", time.monotonic() - begun)
    steps = training.told_steps("digits-worker-0")
    assert steps == list(range(10, STEPS + 1, 10))
    assert left(gluster, training.namespace) == {"result": STEPS, "checkpoint": STEPS}

    told = training.status("digits")["tensorboard"]
    # By its Service's name, as pods reach it.
    inside = training.kubectl("exec", f"deploy/{told['service']}", "--", "python", "-c", FETCH, told["url"])
    assert "<title>TensorBoard</title>" in inside

    forwarded = training.cluster.forwarded(training.namespace, f"service/{told['service']}", 6006)
    with forwarded as port, browser(tmp_path) as page:
        page.open(f"http://127.0.0.1:{port}/?tagFilter=loss#timeseries")
        try:
            seen = wait_for(lambda: curves(page), "the browser draws the loss", 120, every=0.5)
        finally:
            page.picture(tmp_path / "tensorboard.png")
        assert page.ask("document.title") == f"{training.namespace}/digits"
    for line in seen["lines"]:
        assert len(line) == len(steps)
        assert line[0][1] < line[-1][1], "the loss does not fall"  # pixels count from above
    assert str(steps[-1]) in seen["table"].split()

    training.kubectl("delete", "akidjob", "digits")
    apps = f"/apis/apps/v1/namespaces/{training.namespace}/deployments/{told['service']}"
    wait_for(lambda: training.cluster.admin.find(apps) is None, "it goes with its job", 120)
