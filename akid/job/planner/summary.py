"""The one line that says why a job is not running, or why it failed: it follows from the status alone."""

from __future__ import annotations

import re

from akid.job.api.status import ConditionType, LastFailure, Status

MAX_LINE = 256
# Of its end: errors name their cause last (`failed to pull ...: failed to resolve ...: 401 Unauthorized`).
CAUSE = 96
# The first of these conditions that holds is the one that matters.
TELLING: tuple[ConditionType, ...] = ("Failed", "Queued", "Restarting")
# Reasons for which the last failure says more than the condition, whose message has all of its log's end.
OF_A_FAILURE = ("PodFailed", "InvalidKid", "RestartLimitExceeded")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def with_message(status: Status) -> Status:
    """The status with its line."""
    return status.model_copy(update={"message": summary(status)})


def summary(status: Status) -> str:
    """The condition that matters in a line: its reason, then the cluster's or the program's own words."""
    condition = next((c for kind in TELLING if status.is_true(kind) and (c := status.condition(kind))), None)
    if condition is None:
        return ""
    failure = status.last_failure if condition.reason in OF_A_FAILURE else None
    told = _failure(failure) if failure else one_line(condition.message)
    return cut(f"{condition.reason}: {told}" if told else condition.reason, MAX_LINE, tail=CAUSE)


def _failure(failure: LastFailure) -> str:
    """Who failed, how, and the last line of what it said."""
    lines = [line for line in map(one_line, failure.message.splitlines()) if line]
    how = "" if failure.exit_code is None else f" exit code {failure.exit_code}"
    why = f" ({failure.reason})" if failure.reason not in ("", "Error") else ""
    return f"{failure.pod}{how or ' failed'}{why}" + (f": {lines[-1]}" if lines else "")


def one_line(text: str) -> str:
    """A text without colours, line breaks and other characters that no terminal should be given."""
    plain = _COLOURS.sub("", text)
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def cut(text: str, limit: int, *, tail: int = 0) -> str:
    """A text of at most so many characters: the beginning, and as many of the end as `tail` says."""
    if len(text) <= limit:
        return text
    end = text[len(text) - tail :] if tail else ""
    return f"{text[: limit - tail - 3]}...{end}"
