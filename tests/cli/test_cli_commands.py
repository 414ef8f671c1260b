"""The commands that do not train, and how a manifest is changed from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cli.files import BLOCKS, SCRIPT, write

import akid
from akid.cli import main


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for command in ("run", "validate", "render", "serve"):
        assert f"\n    {command} " in text


def test_the_module_is_the_command_and_help_loads_no_tensorflow():
    code = "import runpy, sys; sys.argv = ['akid', '--version']\n"
    code += "try: runpy.run_module('akid', run_name='__main__')\n"
    code += "except SystemExit as e: print(e.code, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"akid {akid.__version__}\n0 False\n"


def test_validate_says_that_a_manifest_is_valid(tmp_path, capsys):
    file = write(tmp_path)
    assert main(["validate", file]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (f"{file}: valid\n", "")


def test_render_prints_the_kid_with_the_settings_applied(tmp_path, capsys):
    settings = ["--set", "spec.kid.max_steps=7", "--set", "spec.kid.brain.blocks[0].ksize=[5, 5]"]
    assert main(["render", write(tmp_path), *settings]) == 0
    kid = yaml.safe_load(capsys.readouterr().out)
    expected = yaml.safe_load(BLOCKS)["spec"]["kid"]
    expected["max_steps"] = 7
    expected["brain"]["blocks"][0]["ksize"] = [5, 5]
    assert kid == expected


def test_render_fills_a_script_in_with_python_literals(tmp_path, capsys):
    assert main(["render", write(tmp_path, SCRIPT)]) == 0
    script = capsys.readouterr().out
    assert 'Brain(name=\'text\')' in script  # fmt: skip
    assert "InnerProductLayer(10, name=" in script
    assert "{{" not in script


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("spec.kid.max_steps=100", ("max_steps",), 100),
        ("spec.kid.kongfu.lr_scheme.base_lr=1e-3", ("kongfu", "lr_scheme", "base_lr"), 1e-3),
        ("spec.kid.seed=0x10", ("seed",), 16),
        ("spec.kid.name=a=b", ("name",), "a=b"),
        ("spec.kid.deterministic=true", ("deterministic",), True),
        ("spec.kid.brain.blocks[3].wd={type: l2}", ("brain", "blocks", 3, "wd"), {"type": "l2"}),
        ("spec.kid.sensor.jokers=[]", ("sensor", "jokers"), []),
        ("spec.kid.checkpoint_step=", ("checkpoint_step",), None),
    ],
)
def test_set_changes_a_field(setting, path, value, tmp_path, capsys):
    assert main(["render", write(tmp_path), "--set", setting]) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    for key in path:
        found = found[key]
    assert found == value


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("spec.kid.max_steps", "--set: expected path=value, received 'spec.kid.max_steps'."),
        ("=3", "--set: expected path=value, received '=3'."),
        ("spec..kid=3", "--set: expected path=value, received 'spec..kid=3'."),
        ("spec.kid[x]=3", "--set: expected path=value, received 'spec.kid[x]=3'."),
        ("spec.kd.max_steps=3", "spec.kd: there is no such field to set. Did you mean 'kid'?"),
        ("spec.kid.brain.blocks[9].name=x", "spec.kid.brain.blocks[9]: the list has 5 items."),
        ("spec.kid.brain.blocks[9]=x", "spec.kid.brain.blocks[9]: the list has 5 items."),
        (
            "spec.kid.seed.x=3",
            "spec.kid.seed: there is no such field to set. Known: brain, kongfu, max_steps, sensor.",
        ),
        ("kind.x=3", "kind.x: expected a mapping or a list at 'kind', received 'AkidJob'."),
        (
            "spec.kid.seed=.inf",
            "spec.kid.seed: expected a value in YAML, received '.inf': .inf is no number that JSON has.",
        ),
        ("spec.kid.max_steps=[1", "spec.kid.max_steps: expected a value in YAML, received '[1'."),
    ],
)
def test_a_wrong_setting_is_one_line_and_code_2(setting, line, tmp_path, capsys):
    assert main(["render", write(tmp_path), "--set", setting]) == 2
    assert capsys.readouterr().err == f"akid: {line}\n"


def test_set_reads_a_value_as_a_file_is_read(tmp_path, capsys):
    assert main(["render", write(tmp_path), "--set", "spec.kid.seed=08", "--set", "spec.kid.name='08'"]) == 0
    text = capsys.readouterr().out
    assert "seed: 8\n" in text
    assert "name: '08'\n" in text


def test_set_makes_a_field_that_is_not_there_yet(tmp_path, capsys):
    assert main(["render", write(tmp_path), "--set", "spec.kid.early_stopping={patience: 3}"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["early_stopping"] == {"patience": 3}


def test_without_tensorflow_the_command_says_what_to_install(tmp_path: Path):
    code = "import sys; sys.modules['tensorflow'] = None\n"
    code += f"from akid.cli import main; sys.exit(main(['validate', {write(tmp_path)!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "akid: This part of akid needs TensorFlow, which is not installed. Install akid[cpu] or akid[gpu].\n"
    )
