"""How `akid scale` reaches a runner: a socket in the run directory, for this user alone. A packet is a message."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from akid.errors import AkidError, DataError, StorageError
from akid.runner.events import Waiter

NAME = ".runner.sock"
MAX_MESSAGE = 65_536
#: Seconds within which a runner answers.
PATIENCE = 10.0
_CREDENTIALS = struct.Struct("3i")

Message = dict[str, Any]


class Control:
    """Answers requests while the runner waits.

    Args:
        log_dir: the run directory, which no other runner uses.
        waiter: of the runner.
        answer: gives an answer in words.

    Attributes:
        open: whether it can be reached; there are file systems without sockets.
    """

    def __init__(self, log_dir: Path, waiter: Waiter, answer: Callable[[Message], str]) -> None:
        self._log_dir, self._waiter, self._answer = log_dir, waiter, answer
        self._clients: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self.open = self._listen()
        if self.open:
            waiter.add(self._listener.fileno(), self._accept)

    def _listen(self) -> bool:
        (self._log_dir / NAME).unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            with _address(self._log_dir) as address:
                self._listener.bind(address)
            self._listener.listen()
        except OSError:
            return False
        finally:
            os.umask(before)
        return True

    def _accept(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            if _CREDENTIALS.unpack(credentials)[1] not in (0, os.getuid()):
                return client.close()
            self._clients.add(client)
            self._waiter.add(client.fileno(), lambda: self._hear(client))
        return None

    def _hear(self, client: socket.socket) -> None:
        self._waiter.remove(client.fileno())
        self._clients.discard(client)
        with client, suppress(OSError, ValueError, KeyError, TypeError):  # a request of another form
            request = json.loads(client.recv(MAX_MESSAGE))
            try:
                answer = {"told": self._answer(request)}
            except AkidError as error:
                answer = {"refused": str(error)}
            client.send(json.dumps(answer).encode())

    def close(self) -> None:
        """From now on nobody is answered."""
        if self.open:
            self.open = False
            (self._log_dir / NAME).unlink(missing_ok=True)
            for one in (self._listener, *self._clients):
                self._waiter.remove(one.fileno())
        for one in (self._listener, *self._clients):
            one.close()


def ask(log_dir: Path, request: Message) -> str:
    """What the runner that uses a run directory answers, in words.

    Raises:
        DataError: there is none, or it refuses; with the reason.
        StorageError: it cannot be reached, or does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(PATIENCE)
        try:
            with _address(log_dir) as address:
                client.connect(address)
            client.send(json.dumps(request).encode())
            answer = json.loads(client.recv(MAX_MESSAGE) or b"{}")
        except (FileNotFoundError, NotADirectoryError, ConnectionError):
            problem = f"No `akid run` of several members uses {log_dir} now."
            raise DataError(f"{problem} Start one: akid run FILE --log-dir {log_dir}") from None
        except OSError as error:
            raise StorageError(
                f"{log_dir / NAME}: the runner cannot be asked: {error.strerror or error}"
            ) from None
    if "told" not in answer:
        raise DataError(answer.get("refused", f"The run in {log_dir} is ending."))
    return answer["told"]


@contextmanager
def _address(log_dir: Path) -> Iterator[str]:
    """Where the socket is, in few characters: the kernel takes no more than 107."""
    directory = os.open(log_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{NAME}"
    finally:
        os.close(directory)
