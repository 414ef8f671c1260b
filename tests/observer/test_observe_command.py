"""`akid observe`: the pictures of a run directory."""

from __future__ import annotations

import shutil

import pytest
from cli.files import BLOCKS, write

from akid import cli
from akid.cli import main
from akid.observer.command import PARTS
from akid.sources import DigitsSource


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of twenty steps with checkpoints at 10 and 20."""
    directory = tmp_path_factory.mktemp("observed")
    steps = ["spec.kid.val_log_step=10", "spec.kid.train_log_step=10"]
    settings = [word for step in steps for word in ("--set", step)]
    log_dir = directory / "run"
    assert main(["run", write(directory, BLOCKS), "--log-dir", str(log_dir), *settings]) == 0
    return log_dir


def observe(*arguments, capsys):
    """The exit code and the lines of standard output and of standard error."""
    code = main(["observe", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err.strip()


def test_all_that_applies_is_made_by_default(run, capsys):
    code, lines, err = observe(run, capsys=capsys)
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in lines if ": " in line] == [*PARTS, "pictures"]
    made = {path.name for path in (run / "visualization").iterdir()}
    assert {"conv1_filters.png", "activations.png", "loss_classifying.png", "filter_norms.png"} <= made
    assert {"sparsity.png", "distributions_weights.png", "scalars.png", "graph.svg"} <= made


def test_what_is_asked_for_goes_where_it_is_told(run, tmp_path, capsys):
    code, lines, _ = observe(run, "--graph", "--stats", "--output", tmp_path / "out", capsys=capsys)
    assert code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "filter_norms.png",
        "graph.png",
        "graph.svg",
        "graph.dot",
    }
    assert lines[-1] == f"pictures: {tmp_path / 'out'}"


def test_the_checkpoint_can_be_chosen(run, tmp_path, capsys):
    tables = set()
    for choice in (["--step", "10"], ["--step", "20"], ["--best"]):
        code, lines, _ = observe(run, "--stats", "--output", tmp_path, *choice, capsys=capsys)
        assert code == 0
        tables.add("\n".join(lines[1:-1]))
    assert len(tables) == 2


def test_without_data_and_events_the_rest_is_shown(run, tmp_path, monkeypatch, capsys):
    def load(self):
        raise FileNotFoundError(2, "No such file or directory", "digits.npz")

    copy = shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("events"))
    monkeypatch.setattr(DigitsSource, "load", load)
    code, lines, _ = observe(copy, capsys=capsys)
    assert code == 0
    left_out = dict(line.split(": left out. ") for line in lines if "left out." in line)
    assert list(left_out) == ["activations", "classifying", "sparsity", "distributions", "scalars"]
    assert "digits.npz" in left_out["activations"]
    assert f"There are no events in {copy}/events" in left_out["sparsity"]
    code, _, err = observe(copy, "--activations", capsys=capsys)
    assert code == 2
    assert "digits.npz" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--step", "15"],
            "There is no checkpoint of step 15 in {run}/checkpoints; there are those of the steps 10, 20.",
        ),
        (["--step", "15", "--graph"], "there are those of the steps 10, 20."),
    ],
    ids=["all", "one"],
)
def test_a_step_that_was_not_kept_is_told(run, arguments, said, capsys):
    code, _, err = observe(run, *arguments, capsys=capsys)
    assert code == 2
    assert said.format(run=run) in err


def test_a_directory_that_is_no_run_is_told(tmp_path, capsys):
    code, _, err = observe(tmp_path / "nothing", capsys=capsys)
    assert code == 2
    assert "expected the directory of a run of `akid run`" in err
    assert not (tmp_path / "nothing").exists()


def test_a_picture_that_cannot_be_written_is_a_failure(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    code, _, err = observe(run, "--output", tmp_path / "file", capsys=capsys)
    assert code == 1
    assert "cannot be written" in err


def test_a_fresh_run_forgets_the_pictures(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    assert observe(copy, "--graph", capsys=capsys)[0] == 0
    few = ["--set", "spec.kid.max_steps=1"]
    assert main(["run", write(tmp_path, BLOCKS), "--log-dir", str(copy), "--fresh", *few]) == 0
    assert not (copy / "visualization").exists()


def test_the_options_are_what_there_is_to_see():
    assert list(cli.VIEWS) == list(PARTS)
