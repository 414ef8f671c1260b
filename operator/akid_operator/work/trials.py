"""What is known of the trials of jobs that are tuned: read off the jobs that are seen anyway."""

from __future__ import annotations

from collections.abc import Callable

from akid.job.api.job import API_VERSION
from akid.job.names import TUNE_LABEL
from akid.job.trials import TrialState, trial_state
from akid_operator.kube import paths
from akid_operator.kube.api import Api, Json
from akid_operator.work.items import Key, owner_of, uid_of, version_of


class Trials:
    """The trials of every job that is tuned, by its UID.

    Attributes:
        on_news: called with the job that is tuned when one of its trials stands otherwise than it did.
    """

    def __init__(self) -> None:
        self.on_news: Callable[[Key], None] = lambda key: None
        self._known: dict[str, dict[str, tuple[int, TrialState]]] = {}

    def of(self, uid: str) -> tuple[TrialState, ...]:
        """The trials of a job."""
        return tuple(state for _, state in self._known.get(uid, {}).values())

    def seen(self, job: Json) -> None:
        """A job as it is, or was a moment ago; most are no trials."""
        owner, state = owner_of(job), trial_state(job)
        if owner is None or state is None:
            return
        trials = self._known.setdefault(owner[1], {})
        version, known = trials.get(state.uid, (0, None))
        if version_of(job) < version:
            return
        trials[state.uid] = (version_of(job), state)
        if state != known:
            self.on_news(Key(job["metadata"]["namespace"], owner[0]))

    def gone(self, job: Json) -> None:
        """A job is not there any more."""
        owner = owner_of(job)
        if owner is not None and self.deleted(owner[1], uid_of(job)):
            self.on_news(Key(job["metadata"]["namespace"], owner[0]))

    def deleted(self, owner: str, uid: str) -> bool:
        """A trial was deleted, of the job with the UID `owner`; whether it was known."""
        trials = self._known.get(owner, {})
        known = trials.pop(uid, None) is not None
        if not trials:
            self._known.pop(owner, None)
        return known

    def forget(self, uid: str) -> None:
        """Drop what is known of a job's trials."""
        self._known.pop(uid, None)


async def read_trials(api: Api, trials: Trials, key: Key) -> None:
    """Read all trials of a job, finished ones too, which no watch shows."""
    path = paths.collection(API_VERSION, "AkidJob", key.namespace)
    async for page in api.pages(path, labels=f"{TUNE_LABEL}={key.name}"):
        for job in page["items"]:
            trials.seen(job)
