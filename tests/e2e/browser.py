"""A real browser, Chromium without a window: opens pages, asks them questions, takes pictures of them.

It is talked to in the DevTools protocol, over a pair of pipes: no port is open, and it ends with us.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

#: Debian's packages of it, the one without a window first.
PROGRAMS = ("chromium-headless-shell", "chromium")
#: Seconds for an answer of the browser.
PATIENCE = 60.0
#: Where there is no GPU, and nothing that plays one, pages draw with vectors, which can be read. Chromium has no
#: sandbox for root; what it opens is ours.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--disable-dev-shm-usage",
    "--no-first-run", "--hide-scrollbars", "--window-size=1280,800", "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One page."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = to_browser, from_browser
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        # A page that is not looked at loads nothing.
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something; RuntimeError if it refuses, TimeoutError if it does not answer."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (answer := self._next(deadline)).get("id") != number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url: str) -> None:
        """Go there; RuntimeError if nobody answers."""
        went = self.call("Page.navigate", url=url)
        if went.get("errorText"):
            raise RuntimeError(f"{url}: {went['errorText']}")

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def picture(self, path: Path) -> None:
        """What it shows, as a PNG file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"the browser does not answer within {PATIENCE:g} s")
            told = os.read(self._read, 1 << 20)
            if not told:
                raise RuntimeError("the browser has ended")
            self._rest += told
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextmanager
def browser(directory: Path) -> Generator[Page]:
    """A browser with an empty profile in a directory; it ends with the block."""
    argv = [_program(), *FLAGS, f"--user-data-dir={directory / 'profile'}"]
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    # It reads from 3 and writes to 4. Other shells know descriptors of one digit only.
    words = ["bash", "-c", f'exec "$@" 3<&{in_read} 4>&{out_write}', "bash", *argv]
    given = (in_read, out_write)
    with (directory / "browser.log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=given)
    for end in given:
        os.close(end)
    try:
        yield Page(in_write, out_read)
    finally:
        os.close(in_write)  # which ends it
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        os.close(out_read)


def _program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise FileNotFoundError(
            f"no browser: expected one of {', '.join(PROGRAMS)}, Debian's packages of Chromium"
        )
    return found
