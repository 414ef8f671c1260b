"""What the operator knows of trials: by the jobs it sees anyway, and by a list under a new leader."""

from __future__ import annotations

import asyncio
from typing import Any

from akid_operator.work.items import Key
from scene import CORE, KEY, Scene

from akid.job.api.status import Progress

JOBS = "/apis/akid.dev/v1alpha1/namespaces/lab/akidjobs"
TUNE = {"optParas": [{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}], "parallelism": 2}


class Tuned(Scene):
    """A job that is tuned, and its trials."""

    def __init__(self, **tune: Any) -> None:
        super().__init__(tune=TUNE | tune)
        self.news: list[Key] = []

    def lead(self) -> None:
        super().lead()
        self.store.trials.on_news = lambda key: self.news.append(key)

    def trial(self, number: int) -> dict[str, Any]:
        return self.server.objects[f"{JOBS}/digits-t{number}"]

    def reports(self, number: int, state: str = "Running", *values: float) -> None:
        """A trial's status has changed, and the watch told so."""
        measured = [{"step": 10 * (i + 1), "value": value} for i, value in enumerate(values)]
        status = {"state": state, "measured": measured}
        self.store.job_seen(self.server.put(f"{JOBS}/digits-t{number}", self.trial(number) | {"status": status}))

    def step(self, number: int) -> list[str]:
        """Reconcile a trial's job once."""
        self.store.job_seen(self.trial(number))
        self.server.log.clear()
        asyncio.run(self.reconciler.reconcile(Key("lab", f"digits-t{number}")))
        return list(self.server.log)


def test_the_status_comes_first_then_the_trials_and_a_job_that_is_tuned_has_nothing_else() -> None:
    scene = Tuned()
    scene.run()
    assert scene.server.log == ["PUT akidjobs/status", "status: Created", "POST akidjobs", "POST akidjobs"]
    scene.run()
    assert scene.server.log == []


def test_a_trials_news_wake_the_job_and_its_progress_does_not() -> None:
    scene = Tuned()
    scene.run()
    scene.news.clear()
    scene.reports(0, "Running")
    assert scene.news == [KEY]
    scene.store.job_seen(scene.server.put(f"{JOBS}/digits-t0", scene.trial(0)))
    assert scene.news == [KEY]
    scene.reports(0, "Running", 0.5)
    assert scene.news == [KEY, KEY]


def test_what_a_trial_reports_of_the_objective_is_in_the_write_of_its_progress() -> None:
    scene = Tuned()
    scene.run()
    scene.step(0)
    scene.store.record(Key("lab", "digits-t0")).progressed(Progress(step=30, val_loss=0.5))
    assert scene.step(0) == []  # it waits for more of it
    scene.seconds += 60
    assert scene.step(0) == ["PUT akidjobs/status", "status: Created"]
    assert scene.trial(0)["status"]["measured"] == [{"step": 30, "value": 0.5}]


def test_a_hopeless_trial_is_in_the_status_before_its_job_is_deleted() -> None:
    scene = Tuned(earlyStopping={"minTrials": 1})
    scene.run()
    scene.reports(0, "Succeeded", 0.1)
    scene.reports(1, "Running", 0.5)
    scene.run()
    assert scene.server.log == ["PUT akidjobs/status", "status: Running", "DELETE akidjobs", "POST akidjobs"]
    assert scene.job["status"]["trials"]["stoppedIndexes"] == "1"
    assert scene.told == ["Created", "Running", "TrialStopped"]


def test_a_new_leader_reads_the_trials_before_it_says_or_makes_anything() -> None:
    scene = Tuned()
    scene.run()
    scene.reports(0, "Succeeded", 0.1)
    scene.run()
    scene.new_leader()
    scene.run()
    assert scene.server.reads == ["GET akidjobs"]
    assert scene.server.log == []


def test_a_trial_that_is_gone_is_made_anew_and_one_that_is_there_unseen_is_taken() -> None:
    scene = Tuned()
    scene.run()
    gone = scene.server.objects.pop(f"{JOBS}/digits-t1")
    scene.store.job_seen(gone)
    scene.store.job_left(gone)
    asyncio.run(scene.reconciler.reconcile(Key("lab", "digits-t1")))
    scene.news.clear()
    scene.run()
    assert scene.server.log == ["POST akidjobs"]
    scene.store.trials.deleted(scene.job["metadata"]["uid"], scene.trial(1)["metadata"]["uid"])
    scene.run()
    assert (scene.server.log, scene.server.reads) == (["POST akidjobs"], ["GET akidjobs"])
    assert len(scene.store.trials.of(scene.job["metadata"]["uid"])) == 2


def test_an_end_leaves_no_trial_behind_and_forgets_them() -> None:
    scene = Tuned(maxFailedTrials=0)
    scene.run()
    uid = scene.job["metadata"]["uid"]
    scene.reports(0, "Failed")
    scene.run()
    assert scene.server.log == ["PUT akidjobs/status", "status: Failed", "DELETE akidjobs"]
    scene.run()
    assert scene.store.trials.of(uid) == ()
    assert not [path for path in scene.server.objects if path.startswith(f"{CORE}/pods/")]
