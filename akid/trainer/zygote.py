"""A process that has imported TensorFlow and forks a training process a generation: recovery without the import.

It starts nothing of TensorFlow. Requests are lines of JSON on one descriptor, answers on another:
``{"env": {...}}`` -> ``{"pid": 4711}`` and, once that process has ended, ``{"pid": 4711, "code": 0}``; the code is
negative for a signal.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from typing import NoReturn

from akid.trainer.tether import die_with


def main(requests: int, answers: int) -> None:
    """Serve until the requests end."""
    # Whatever a training process needs of akid and TensorFlow; the user's own modules are imported by itself.
    import akid.manifests.runs
    import akid.manifests.set_up  # noqa: F401

    gc.collect()
    gc.freeze()  # collections in the children need not copy these pages
    _answer(answers, ready=True)
    with os.fdopen(requests, encoding="utf-8") as lines:
        for line in lines:
            zygote = os.getpid()
            pid = os.fork()
            if pid == 0:
                lines.close()
                os.close(answers)
                die_with(zygote)
                _train(json.loads(line)["env"])
            _answer(answers, pid=pid)
            _answer(answers, pid=pid, code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _train(environment: dict[str, str]) -> NoReturn:
    """Be the training process."""
    code = 1
    try:
        os.environ.update(environment)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
        from akid.trainer.training import main as train

        code = train()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _answer(fd: int, **facts: object) -> None:
    os.write(fd, json.dumps(facts).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
