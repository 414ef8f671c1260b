"""Which ends of training processes are free; steps redone and goodput; reports."""

from __future__ import annotations

import json
import math
import os

import pytest

from akid.report import MAX_MESSAGE, Lines, Reporter, event_of
from akid.trainer.progress import Progress, prometheus
from akid.trainer.restarts import LIMIT, Ended, Record


@pytest.mark.parametrize(
    ("ended", "in_place", "code"),
    [
        (Ended(-9), True, 137),
        (Ended(-11), True, 139),
        (Ended(1), False, 1),
        (Ended(42), False, 42),
        (Ended(143), True, 143),
        (Ended(1, excused=True), True, 42),
        (Ended(-9, told=True), True, 42),
    ],
)
def test_a_code_of_the_program_s_own_ends_the_member(ended, in_place, code):
    assert (ended.in_place, ended.exit_code) == (in_place, code)


def test_ends_without_a_new_step_are_free_twice_in_a_row():
    record = Record()
    for _ in range(LIMIT - 1):
        record = record.after(Ended(-9, highest=100), before=100, blamed=False)
        assert not record.exhausted
    assert record.after(Ended(-9, highest=101), before=100, blamed=False) == Record(0)
    assert record.after(Ended(-9), before=100, blamed=False).exhausted


@pytest.mark.parametrize(
    ("ended", "blamed", "counts"),
    [
        (Ended(-9, told=True), True, 0),
        (Ended(1, excused=True), True, 0),
        (Ended(1, excused=True), False, 1),
        (Ended(-9), True, 1),
        (Ended(143), True, 0),
    ],
)
def test_what_another_member_is_to_blame_for_is_not_held_against_this_one(ended, blamed, counts):
    assert Record().after(ended, before=5, blamed=blamed).fruitless == counts


def test_steps_made_again_and_the_time_they_cost_are_told():
    progress = Progress()
    progress.begin(1)
    for second, step in enumerate((0, 10, 20, 30)):
        progress.report({"step": step, "max_steps": 60}, float(second))
    progress.begin(2)  # 5 s later, from the checkpoint of step 20
    for second, step in enumerate((20, 30, 40), start=8):
        progress.report({"step": step}, float(second))
    status = progress.status(now=10.0, clock=0.0)
    assert (status["step"], status["stepsRedone"], status["inPlaceRestarts"]) == (40, 10, 1)
    assert status["goodput"] == pytest.approx(4 / 10)
    assert status["eta"] == "1970-01-01T00:00:02Z"


def test_what_was_counted_goes_on_with_another_supervisor():
    lost = Progress()
    for generation, steps in ((1, (0, 10, 20)), (2, (10, 20, 30))):
        lost.begin(generation)
        for step in steps:
            lost.report({"step": step}, float(step + generation))
    account = lost.account(now=40.0)
    taking_over = Progress()
    for _ in range(2):  # two members tell it
        taking_over.adopt(account, now=1000.0)
    taking_over.adopt({"in_place_restarts": 0, "steps_redone": 3, "useful": 1.0, "elapsed": 5.0}, now=1000.0)
    taking_over.adopt({}, now=1000.0)
    assert taking_over.account(now=1000.0) == account
    assert taking_over.goodput(now=1001.0) == pytest.approx(lost.goodput(now=41.0))
    taking_over.begin(3)  # its own first start
    assert (taking_over.in_place_restarts, taking_over.steps_redone) == (1, 10)


def test_metrics_are_in_prometheus_text_format():
    text = prometheus({"step": 3, "inPlaceRestarts": 1, "eta": "later"}, {"job": 'a"b'})
    assert '# TYPE akid_in_place_restarts gauge\nakid_in_place_restarts{job="a\\"b"} 1\n' in text
    assert "eta" not in text


def test_a_report_is_a_line_of_json_without_what_json_has_not():
    reader, writer = os.pipe()
    reporter = Reporter(writer, generation=4)
    reporter.step(7, loss=math.nan, metrics={"accuracy": 0.5, "auc": math.inf}, epoch=None)
    reporter.error("x" * 10_000)
    lines = Lines().feed(os.read(reader, 65_536))
    assert json.loads(lines[0]) == {"event": "step", "generation": 4, "step": 7, "metrics": {"accuracy": 0.5}}
    assert len(json.loads(lines[1])["message"]) == MAX_MESSAGE
    os.close(reader)
    reporter.done()  # nobody listens: nothing happens
    os.close(writer)


def test_lines_are_put_together_from_pieces():
    lines = Lines()
    assert lines.feed(b'{"event"') == []
    assert [event_of(line) for line in lines.feed(b': "done"}\nnot JSON\n[1]\nrest')] == [
        {"event": "done"},
        None,
        None,
    ]
    assert lines.rest() == [b"rest"]
