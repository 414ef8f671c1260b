"""The supervisors' channel: the rendezvous and the status over HTTP.

``/status`` and ``/metrics`` are open and can only be read; everything else needs the job's token. A request is a
mapping in JSON, an answer too. ``/join`` and ``/watch`` wait a second for something to tell. ``/state`` is the
newest state in memory, as bytes.
"""

from __future__ import annotations

import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from akid.snapshots import Header, Slots
from akid.trainer.progress import Progress
from akid.trainer.rendezvous import Join, Left, Rendezvous, Tidings

#: Seconds a request waits for news; seconds to connect: an address of a pod that is gone does not answer.
POLL, CONNECT = 1.0, 0.5
MAX_BODY = 65_536
#: Seconds after which a member that asks nothing is silent: it asks each second, whether it trains or waits.
SILENT = 5.0
#: Which attempt of so many to reach a host whose number is known goes by its name.
LOOK_UP = 50

Mapping = dict[str, Any]
Page = Callable[[], tuple[str, str]]


class Meeting:
    """A rendezvous for many threads.

    Args:
        rendezvous: its state.
        progress: of the chief; members keep the account of it, for a chief that takes the place of this one.
    """

    def __init__(self, rendezvous: Rendezvous, progress: Progress | None = None) -> None:
        self._state, self._progress = rendezvous, progress or Progress()
        self._news = threading.Condition()
        self._heard = dict.fromkeys(rendezvous.members, time.monotonic())

    def silent(self) -> list[str]:
        """The members that were not heard lately, those among them without which an elastic job trains on."""
        since = time.monotonic() - SILENT
        with self._news:
            others = {*self._heard, *self._state.members} - {self._state.members[0]}
            return sorted(member for member in others if self._heard.get(member, since) <= since)

    def call(self, name: str, request: Mapping) -> Mapping:
        """Answer a request: ``join``, ``watch``, ``leave`` or ``done``.

        Raises:
            KeyError, TypeError, ValueError: the request is not of that form.
        """
        answer: Callable[[Mapping], Mapping | None] = {
            "join": self._join, "watch": self._watch, "leave": self._leave, "done": self._done,
        }[name]  # fmt: skip
        end = time.monotonic() + POLL
        with self._news:
            self._heard[str(request["member"])] = time.monotonic()
            while (found := answer(request)) is None:
                left = end - time.monotonic()
                if left <= 0:
                    return {"account": self._progress.account(time.monotonic())} if name == "watch" else {}
                self._news.wait(left)
            return found

    def wait_until_heard(self, seconds: float) -> None:
        """Wait until every member knows that the job is over, at most so long."""
        state = self._state
        with self._news:
            self._news.wait_for(lambda: state.heard.issuperset(state.present | state.waiting), seconds)

    def wait_until_told(self, seconds: float) -> None:
        """Wait until every member knows that its generation is broken, at most so long."""
        with self._news:
            self._news.wait_for(lambda: self._state.told.issuperset(self._state.present), seconds)

    def _join(self, request: Mapping) -> Mapping | None:
        if self._state.over:
            self._state.heard.add(str(request["member"]))
            self._news.notify_all()
            return {"over": True}
        before = self._state.generation, self._state.broken
        facts = {name: value for name, value in request.items() if name != "account"}
        self._progress.adopt(request.get("account", {}), time.monotonic())
        generation = self._state.join(Join(**facts), time.monotonic())
        if (self._state.generation, self._state.broken) != before:
            self._news.notify_all()
        if generation is None:
            return None
        return {
            "generation": generation.number,
            "addresses": dict(generation.addresses),
            "highest": generation.highest,
            "blamed": list(generation.blamed),
            "states": list(generation.states),
        }

    def _watch(self, request: Mapping) -> Mapping | None:
        tidings = self._state.watch(**request)
        if tidings is not Tidings.NOTHING:
            self._news.notify_all()
        return None if tidings is Tidings.NOTHING else {"tidings": tidings.value}

    def _leave(self, request: Mapping) -> Mapping:
        self._state.leave(**{**request, "why": Left(request["why"])})
        self._news.notify_all()
        return {"heard": True}

    def _done(self, request: Mapping) -> Mapping:
        self._state.done(**request)
        self._news.notify_all()
        return {"heard": True}


class Remote:
    """The rendezvous of another supervisor.

    Args:
        address: ``host:port``; looked up anew for each request.
        token: of the job.
        number: of that host, which is looked up only now and then, in case it has another number by now.
    """

    def __init__(self, address: str, token: str, number: str = "") -> None:
        host, _, port = address.rpartition(":")
        self._name, self._port, self._token, self._number = host, int(port), token, number
        self._failed = 0

    @property
    def _host(self) -> str:
        looks_up = self._failed % LOOK_UP == LOOK_UP - 1
        return self._name if looks_up or not self._number else self._number

    def call(self, name: str, request: Mapping) -> Mapping | None:
        """See `Meeting.call`; None if there is no answer now.

        Raises:
            PermissionError: the token is not the job's.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT)
        try:
            connection.connect()
            self._failed = 0
            connection.sock.settimeout(POLL + 2)
            head = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            connection.request("POST", f"/{name}", json.dumps(request), head)
            response = connection.getresponse()
            body = response.read(MAX_BODY)
            if response.status == 401:
                raise PermissionError(f"the rendezvous at {self._host}:{self._port} refuses the token")
            answer = json.loads(body) if response.status == 200 else None
            return answer if isinstance(answer, dict) else None
        except PermissionError:
            raise
        except (OSError, http.client.HTTPException, ValueError):
            self._failed += 1
            return None
        finally:
            connection.close()


class Server(ThreadingHTTPServer):
    """Serves the pages, and the meeting if there is one, by threads of its own.

    Args:
        port: 0 for any.
        pages: texts by path: a function that gives (content type, text).
        meeting: the rendezvous.
        token: of the job; without one the meeting and the states are closed to everybody.
        host: the address it listens at; empty for every one.
        slots: where states are in memory.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        pages: dict[str, Page],
        meeting: Meeting | None = None,
        token: str = "",
        host: str = "",
        slots: Slots | None = None,
    ) -> None:
        self.pages, self.meeting, self.token, self.slots = pages, meeting, token, slots or Slots()
        super().__init__((host, port), Handler)
        threading.Thread(target=self.serve_forever, name=f"http-{port}", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to tell."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 5

    def do_GET(self) -> None:
        """A page, or the newest state."""
        if self.path == "/state":
            return self._answer_state()
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            return self._answer(404, "text/plain", "not found\n")
        return self._answer(200, *page())

    def _answer_state(self) -> None:
        if not self._has_token():
            return self._answer(401, "text/plain", "the job's token is needed\n")
        slot = next(iter(self.server.slots.kept()), None)
        if slot is None:
            return self._answer(404, "text/plain", "there is no state\n")
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(Header.LENGTH + slot.header.size))
        self.end_headers()
        self.wfile.write(slot.header.to_bytes())
        for piece in slot.pieces():
            self.wfile.write(piece)
        return None

    def _has_token(self) -> bool:
        given = self.headers.get("Authorization", "").encode(errors="replace")
        return bool(self.server.token) and hmac.compare_digest(given, f"Bearer {self.server.token}".encode())

    def do_POST(self) -> None:
        """A request to the meeting."""
        meeting = self.server.meeting
        if meeting is None or self.path not in ("/join", "/watch", "/leave", "/done"):
            return self._answer(404, "text/plain", "not found\n")
        if not self._has_token():
            return self._answer(401, "text/plain", "the job's token is needed\n")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            return self._answer(413, "text/plain", f"expected at most {MAX_BODY} bytes\n")
        try:
            answer = meeting.call(self.path[1:], json.loads(self.rfile.read(int(length))))
        except (KeyError, TypeError, ValueError) as error:
            return self._answer(400, "text/plain", f"{error}\n")
        return self._answer(200, "application/json", json.dumps(answer))

    def _answer(self, code: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""
