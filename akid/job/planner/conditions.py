"""From what is to what is reported: conditions, counts, the state in one word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from akid.job.api.engine import RoleName
from akid.job.api.status import Condition, ConditionType, ReplicaStatus, State, Status
from akid.job.members import MAX_WORD, Member, MemberState, Phase

# The first of these conditions that holds is the job's state.
STATES: tuple[State, ...] = (
    "Failed", "Succeeded", "Suspended", "Running", "Queued", "Restarting", "Created",
)  # fmt: skip
MINOR = (
    "replicaStatuses", "ready", "progress", "highestStep", "observedGeneration", "trials", "best", "measured",
    "tensorboard",
)  # fmt: skip
MAX_TEXT = 8192
# Seconds for which counts may wait to be written, and the members that are done: they often end together.
COUNTS, COMPLETIONS = 1.0, 0.3
# Seconds between two writes that differ in words only: a scheduler words what it waits for anew all the time.
WORDS = 30.0


def with_condition(
    status: Status,
    kind: ConditionType,
    holds: bool,
    reason: str,
    message: str,
    now: datetime,
    generation: int = 0,
    *,
    anew: bool = False,
) -> Status:
    """The status with a condition set.

    A condition that still holds for the same reason is left as it is, unless its message is to be told `anew`.
    """
    value, reason = "True" if holds else "False", reason[:MAX_WORD]
    old = status.condition(kind)
    if old is None and not holds:
        return status
    if old is not None and (old.status, old.reason) == (value, reason) and not anew:
        return status
    since = old.last_transition_time if old is not None and old.status == value else now.replace(microsecond=0)
    new = Condition(
        type=kind, status=value, reason=reason, message=message[:MAX_TEXT], last_transition_time=since,
        observed_generation=generation,
    )  # fmt: skip
    rest = [condition for condition in status.conditions if condition.type != kind]
    return with_state(status.model_copy(update={"conditions": [*rest, new]}))


def judged_by(status: Status, generation: int) -> Status:
    """The status with every condition judged by this generation, those too that it did not change."""
    conditions = [c.model_copy(update={"observed_generation": generation}) for c in status.conditions]
    return status.model_copy(update={"conditions": conditions})


def with_state(status: Status) -> Status:
    """The status with its state, which its conditions give."""
    return status.model_copy(update={"state": next((s for s in STATES if s and status.is_true(s)), "")})


def with_counts(
    status: Status, wanted: Sequence[Member], present: Iterable[MemberState], completed: frozenset[Member]
) -> Status:
    """The status with the counts of each role, from the members of the attempt that are there."""
    present = list(present)
    counts = {role.value: _count(role, present, completed) for role in dict.fromkeys(m.role for m in wanted)}
    ready = sum(count.ready for count in counts.values()) + sum(c.succeeded for c in counts.values())
    return status.model_copy(update={"replica_statuses": counts, "ready": f"{ready}/{len(wanted)}"})


def _count(role: RoleName, present: list[MemberState], completed: frozenset[Member]) -> ReplicaStatus:
    mine = [s for s in present if s.member and s.member.role is role and s.member not in completed]
    done = sorted(member.index for member in completed if member.role is role)
    return ReplicaStatus(
        active=sum(not s.terminal and not s.terminating for s in mine),
        ready=sum(s.ready and not s.terminal and not s.terminating for s in mine),
        succeeded=len(done),
        failed=sum(s.phase is Phase.FAILED for s in mine),
        completed_indexes=format_indexes(done),
    )


def completed_of(status: Status) -> frozenset[Member]:
    """The members that are done, as the status remembers them."""
    return frozenset(
        Member(RoleName(role), index)
        for role, count in status.replica_statuses.items()
        for index in parse_indexes(count.completed_indexes)
    )


def format_indexes(indexes: Sequence[int]) -> str:
    """[0, 2, 3, 4] -> "0,2-4", as an Indexed Job writes its completedIndexes."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def parse_indexes(text: str) -> list[int]:
    """The reverse of `format_indexes`; what is not of that form is ignored."""
    result: list[int] = []
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        if first.isdigit() and (last or first).isdigit():
            result += range(int(first), min(int(last or first), int(first) + 10_000) + 1)
    return result


def changed(old: Status, new: Status) -> tuple[dict[str, Any] | None, float]:
    """(the new status if it must be written, the seconds it may wait for more of its kind)."""
    before, after = old.to_json(), new.to_json()
    if before == after:
        return None, 0.0
    differing = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    if _facts(before) == _facts(after):
        differing -= {"conditions", "message"}
        if not differing:
            return after, WORDS
    if not differing <= set(MINOR):
        return after, 0.0
    return after, COUNTS if _completed(before) == _completed(after) else COMPLETIONS


def _facts(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditions without the words in which they are told."""
    conditions: list[dict[str, Any]] = status.get("conditions", [])
    return [{name: value for name, value in c.items() if name != "message"} for c in conditions]


def _completed(status: dict[str, Any]) -> dict[str, str]:
    counts: dict[str, dict[str, Any]] = status.get("replicaStatuses", {})
    return {role: count["completedIndexes"] for role, count in counts.items() if "completedIndexes" in count}
