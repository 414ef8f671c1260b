"""docs/tuning.md: its `spec.tune` are valid, and make as many trials as they say."""

from __future__ import annotations

import yaml
from docs.fences import ROOT, fences_in

from akid.job import load_mapping, parse
from akid.job.trials import trials_of


def test_what_the_page_shows_of_spec_tune_is_valid():
    fences = fences_in(ROOT / "docs/tuning.md")
    shown = [yaml.safe_load(fence.code) for fence in fences if fence.language == "yaml"]
    wanted = load_mapping(ROOT / "examples/jobs/digits-tune.yaml")
    specs = [parse({**wanted, "spec": wanted["spec"] | part}).spec.tune for part in shown]
    assert [len(trials_of(tune)) for tune in specs if tune] == [8, 20]


def test_the_example_has_every_pair_of_its_parameters():
    tune = parse(load_mapping(ROOT / "examples/jobs/digits-tune.yaml")).spec.tune
    assert tune is not None
    assert len({str(trial.params) for trial in trials_of(tune)}) == tune.trials == 6
