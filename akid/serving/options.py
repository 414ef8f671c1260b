"""What can be said to ``akid serve``. It loads no TensorFlow: the command's help is made of it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from akid.errors import InvalidSpecError


@dataclass(frozen=True)
class Batching:
    """How long is waited for what.

    Attributes:
        max_rows: examples of a batch; a request that has more goes alone.
        max_wait: seconds the first request waits for others; 0 for those only that came while a batch was at work.
    """

    max_rows: int = 64
    max_wait: float = 0.002


@dataclass(frozen=True)
class Limits:
    """What a server takes on.

    Attributes:
        body: bytes of a request.
        requests: at work at the same time.
        body_seconds: a client may take to send its request.
    """

    body: int = 32 << 20
    requests: int = 256
    body_seconds: float = 30.0


@dataclass(frozen=True)
class Serving:
    """All of it.

    Attributes:
        directory: see `akid.serving.sources.sources_in`.
        name: of the model; that of the directory if empty.
        host: address to listen at.
        port: to listen at; 0 for any that is free.
        keep: versions served at the same time.
        poll: seconds between looks for new versions.
        batching: of concurrent requests.
        limits: what is taken on.
    """

    directory: Path
    name: str = ""
    host: str = "127.0.0.1"
    port: int = 8501
    keep: int = 2
    poll: float = 5.0
    batching: Batching = field(default_factory=Batching)
    limits: Limits = field(default_factory=Limits)


#: Options that are numbers: their type, default, least value, and what they say.
NUMBERS = {
    "--port": (int, 8501, 0, "to listen at; 0 for any that is free"),
    "--versions": (int, 2, 1, "how many of the newest versions answer"),
    "--poll-seconds": (float, 5.0, 0.01, "between looks for new versions"),
    "--max-batch-size": (int, 64, 1, "examples of concurrent requests that go through the model together"),
    "--max-wait-ms": (float, 2.0, 0, "a request waits for others to go with it"),
    "--max-body-bytes": (int, 32 << 20, 1, "of a request; larger ones get 413"),
    "--max-requests": (int, 256, 1, "at work at the same time; others get 429"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    what = "a SavedModel, a directory of them called 1, 2, ..., or a run: its best checkpoint, else its newest"
    parser.add_argument("directory", type=Path, metavar="MODEL_DIR", help=what)
    parser.add_argument("--name", default="", help="of the model in paths; that of the directory if left out")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all")
    for option, (kind, default, _, text) in NUMBERS.items():
        parser.add_argument(option, type=kind, default=default, metavar="N", help=f"{text} ({default})")


def serving_of(options: argparse.Namespace) -> Serving:
    """What the arguments say.

    Raises:
        InvalidSpecError: a number is too small.
    """
    for option, (_, _, least, _) in NUMBERS.items():
        value = getattr(options, option.removeprefix("--").replace("-", "_"))
        if not value >= least:
            raise InvalidSpecError(option, f"expected {least} or more, received {value}.")
    batching = Batching(options.max_batch_size, options.max_wait_ms / 1000)
    limits = Limits(options.max_body_bytes, options.max_requests)
    where = (options.directory, options.name, options.host, options.port)
    return Serving(*where, options.versions, options.poll_seconds, batching, limits)
