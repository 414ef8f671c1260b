"""Members on nodes that do not answer. What runs there nobody knows: a cluster leaves such a pod as it is.

A member of akid's trainer that its chief does not hear (a chief: that does not answer the operator) is taken for
lost and replaced: should it come back, its generation is over, and it writes nothing. One that is heard trains on.
Of any other program only people can say that it has ended, by the taint `node.kubernetes.io/out-of-service` on its
node, on which the cluster takes its pods away: until then there could be two.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from akid.job.members import Member, MemberState, Phase
from akid.job.planner.interface import Observed

LOST = "NodeLost"
TAINT = "node.kubernetes.io/out-of-service=gone:NoExecute"


def judged(observed: Observed) -> Observed:
    """What was seen, with the members that are lost with their nodes as such."""
    if not any(state.unreachable for state in observed.members):
        return observed
    return replace(observed, members=tuple(_judged(state, observed.silent) for state in observed.members))


def _judged(state: MemberState, silent: Set[Member]) -> MemberState:
    if not state.unreachable or state.terminal:
        return state
    if not state.supervised or state.member not in silent:
        return replace(state, held=True)
    told = f"{state.node} does not answer, nor does the trainer on it"
    return replace(state, phase=Phase.FAILED, disrupted=True, reason=LOST, message=told, forced=True)
