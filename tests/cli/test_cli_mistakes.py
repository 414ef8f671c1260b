"""Every mistake in a manifest gives one clear line with the field's path, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.files import BLOCKS, SCRIPT, write

from akid.cli import main

K, B = "spec.kid", "spec.kid.brain.blocks"
MISTAKES = {
    "unknown block": (
        f"{B}[1].type=ReluLayer",
        f"{B}[1].type: there is no block called 'ReluLayer'. Did you mean 'ReLULayer'?",
    ),
    "unknown argument": (
        f"{B}[0].kszie=3",
        f"{B}[0].kszie: ConvolutionLayer has no argument 'kszie'. Did you mean 'ksize'?",
    ),
    "wrong type": (
        f"{B}[0].out_channel_num=many",
        f"{B}[0].out_channel_num: expected an integer, received 'many' (a text).",
    ),
    "wrong choice": (
        f"{B}[0].padding=SAM",
        f"{B}[0].padding: expected one of 'SAME', 'VALID', received 'SAM' (a text).",
    ),
    "wrong form": (
        f"{B}[2].ksize=[1, 2, 3]",
        f"{B}[2].ksize: pool1: ksize must be an integer, [height, width] or [1, height, width, 1], each >= 1."
        " Received: ksize=[1, 2, 3]",
    ),
    "wire to nowhere": (
        f"{B}[4].inputs=[{{name: ip, idxs: [0]}}, {{name: system_in, idxs: [1]}}]",
        f"{B}[4].inputs: Block 'loss' takes its input from 'ip', which is not attached before it."
        " Did you mean 'ip1'? An input from a block attached later, or from itself, is feedback: it needs a system"
        " with time_steps=T > 1.",
    ),
    "wire to an output there is not": (
        f"{B}[4].inputs=[ip1, {{name: system_in, idxs: [2]}}]",
        f"{B}[4].inputs: Block 'loss': index out of range in {{'name': 'system_in', 'idxs': [2]}}: 'system_in' has"
        " 2 output(s), expected indices 0 to 1. Received: 2",
    ),
    "duplicate name": (
        f"{B}[1].name=conv1",
        f"{B}[1].name: 'brain': a block called 'conv1' is attached already; names must be unique in a system.",
    ),
    "reserved name": (
        f"{B}[1].name=system_in",
        f"{B}[1].name: 'brain': a block called 'system_in' is reserved; names must be unique in a system.",
    ),
    "name that is none": (
        f"{B}[1].name=a b",
        f"{B}[1].name: A block's name has letters, digits, '_', '.' and '-' only. Received: name='a b'",
    ),
    "missing argument": (
        f"{B}[0]={{type: ConvolutionLayer}}",
        f"{B}[0].ksize: ConvolutionLayer needs this argument.",
    ),
    "missing type": (f"{B}[0]={{ksize: 3}}", f"{B}[0].type: required field is missing."),
    "no source": (f"{K}.sensor={{batch_size: 3}}", f"{K}.sensor.source: required field is missing."),
    "a source that takes arrays": (
        f"{K}.sensor.source={{type: ArraySource}}",
        f"{K}.sensor.source.type: ArraySource takes a Python object, data; make it in a script or a module.",
    ),
    "two forms": (
        f"{K}.script=x",
        f"{K}: expected exactly one of sensor + brain + kongfu, script, module,"
        " received sensor + brain + kongfu and script.",
    ),
    "unknown argument of Kid": (
        f"{K}.max_step=3",
        f"{K}.max_step: Kid has no argument 'max_step'. Did you mean 'max_steps'?",
    ),
    "argument that stands elsewhere": (
        f"{K}.engine=single",
        f"{K}.engine: this argument is not given here: it stands in spec.engine.",
    ),
    "steps and epochs": (
        f"{K}.max_epoch=2",
        f"{K}.max_epoch: expected max_steps or max_epoch, received both.",
    ),
    "unknown scheme": (
        f"{K}.kongfu.lr_scheme={{name: expdecay}}",
        f"{K}.kongfu.lr_scheme: Unknown learning-rate scheme. Did you mean 'exp_decay'?"
        " Received: {'name': 'expdecay'}",
    ),
    "unknown argument of a scheme": (
        f"{K}.kongfu.lr_scheme.base=1",
        f"{K}.kongfu.lr_scheme.base: ExpDecay has no argument 'base'. Did you mean 'base_lr'?",
    ),
    "wrong type in a scheme": (
        f"{K}.kongfu.lr_scheme.base_lr=fast",
        f"{K}.kongfu.lr_scheme.base_lr: expected a number, received 'fast' (a text).",
    ),
    "unknown initialiser": (
        f"{B}[0].init_para=unifrom",
        f"{B}[0].init_para: Unknown initialiser. Did you mean 'uniform'? Received: 'unifrom'",
    ),
    "unknown argument of an initialiser": (
        f"{B}[0].init_para={{name: uniform, rnge: 1}}",
        f"{B}[0].init_para.rnge: Uniform has no argument 'rnge'. Did you mean 'range'?",
    ),
    "incomplete initialiser": (
        f"{B}[0].init_para=uniform",
        f"{B}[0].init_para: The initialiser 'uniform' takes either range, or low and high."
        " Received: range=None, low=None, high=None",
    ),
    "unknown weight decay": (
        f"{B}[0].wd={{type: l3, scale: 1}}",
        f"{B}[0].wd.type: wd: type must be one of ['l1', 'l2']. Known: l1, l2. Received: type='l3'",
    ),
    "weight decay that is no number": (
        f"{B}[0].wd={{type: l2, scale: much}}",
        f"{B}[0].wd.scale: wd: scale must be a number >= 0. Received: scale='much'",
    ),
    "unknown dtype": (
        f"{B}[0].dtype=float33",
        f"{B}[0].dtype: conv1: dtype must be one of ['float32', 'float64']. Did you mean 'float32'?"
        " Received: dtype='float33'",
    ),
    "unknown joker": (
        f"{K}.sensor.jokers[0].type=PadJokr",
        f"{K}.sensor.jokers[0].type: there is no joker called 'PadJokr'. Did you mean 'PadJoker'?",
    ),
    "batch larger than the data": (
        f"{K}.sensor.batch_size=100000",
        f"{K}.sensor.batch_size: sensor: batch_size must be at most the 1497 training examples of 'DigitsSource'."
        " Received: batch_size=100000",
    ),
    "more examples than there are": (
        f"{K}.sensor.source.num_val=5000",
        f"{K}.sensor.source: DigitsSource: num_val=5000 + num_test=0 must be at most the 1797 examples there are.",
    ),
    "shape that does not fit": (
        f"{B}[4].class_num=11",
        f"{B}[4]: loss: the logits must have the shape [batch, class_num=11]. Received: shape=(None, 10)",
    ),
    "patch larger than the image": (
        f"{B}[2].ksize=100",
        f"{B}[2]: pool1: its window of [100, 100] must fit into the signal's [12, 12]. Use a smaller ksize, or"
        ' padding="SAME". Received: shape=(None, 12, 12, 2)',
    ),
    "best metric that nobody measures": (
        f"{K}.best_metric=accuracyy",
        f"{K}.best_metric: best_metric: validation has no measure 'accuracyy'. Did you mean 'accuracy'?",
    ),
    "unknown field": (
        "spec.imagee=x",
        "spec.imagee: unknown field. Did you mean 'image'?",
    ),
}


@pytest.mark.parametrize(("setting", "line"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line_with_the_path_and_code_2(setting, line, tmp_path, capsys):
    # A field that is not there yet is set through the mapping it belongs to.
    assert main(["validate", write(tmp_path), "--set", setting]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"akid: {line}\n"
    assert captured.out == ""


def test_all_mistakes_are_told_at_once(tmp_path, capsys):
    settings = (f"{B}[0].ksize=x", f"{B}[3].type=Dense", f"{K}.kongfu.momentum=x", f"{K}.seed=1.5")
    code = main(["validate", write(tmp_path), *(a for s in settings for a in ("--set", s))])
    assert code == 2
    paths = [line.split(": ")[0] for line in capsys.readouterr().err.removeprefix("akid: ").splitlines()]
    assert paths == [f"{B}[0].ksize", f"{B}[3].type", f"{K}.kongfu.momentum", f"{K}.seed"]


def test_a_wire_to_a_block_that_is_wrong_is_not_reported_too(tmp_path, capsys):
    assert main(["validate", write(tmp_path), "--set", f"{B}[3].out_channel_num=x"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1,\nb: 2\n", "line 3, column 1: did not find expected ',' or ']' while parsing a flow sequence."),
        ("", "is empty, expected a manifest of kind AkidJob."),
        (
            BLOCKS.replace("type: ReLULayer", "type: !!python/object/apply:os.system [ls]"),
            "line 14, column 18: could not determine a constructor for the tag"
            " 'tag:yaml.org,2002:python/object/apply:os.system'.",
        ),
    ],
)
def test_a_file_that_is_no_manifest_is_named_with_the_line(text, line, tmp_path, capsys):
    file = write(tmp_path, text)
    assert main(["validate", file]) == 2
    assert capsys.readouterr().err == f"akid: {file}: {line}\n"


def test_a_file_that_is_missing(capsys):
    assert main(["run", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == "akid: nowhere.yaml: cannot be read: No such file or directory.\n"


def test_blocks_of_a_nested_brain_have_their_own_path(tmp_path, capsys):
    nested = "{type: Brain, name: branch, blocks: [{type: ReLULayer}, {type: PoolingLayer, ksize: 50}]}"
    assert main(["validate", write(tmp_path), "--set", f"{B}[1]={nested}"]) == 2
    assert capsys.readouterr().err == (
        f"akid: {B}[1].blocks[1]: branch/pool1: its window of [50, 50] must fit into the signal's [12, 12]. Use a"
        ' smaller ksize, or padding="SAME". Received: shape=(None, 12, 12, 2)\n'
    )


def test_a_mistake_in_a_ready_brain_is_at_the_brain(tmp_path, capsys):
    brain = f"{K}.brain={{type: LeNet, class_num: 0}}"
    assert main(["validate", write(tmp_path), "--set", brain]) == 2
    assert capsys.readouterr().err.startswith(f"akid: {K}.brain: ip2: out_channel_num must be an integer >= 1.")


def test_a_script_with_a_misspelt_param(tmp_path, capsys):
    file = write(tmp_path, SCRIPT.replace('net_paras["width"]', 'net_paras["wide"]'))
    assert main(["validate", file]) == 2
    assert capsys.readouterr().err == (
        "akid: spec.kid.script: line 7: 'dict object' has no attribute 'wide'."
        " Given params: net_paras, opt_paras.\n"
    )


def test_a_module_that_is_not_there(tmp_path, capsys):
    assert main(["validate", write(tmp_path, SCRIPT), "--set", f"{K}={{module: no_such.kids}}"]) == 2
    assert capsys.readouterr().err == (
        "akid: spec.kid.module: there is no module 'no_such' in the current directory or the Python path.\n"
    )


def test_a_command_that_is_not_there(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rnu", "job.yaml"])
    assert ended.value.code == 2
    assert "invalid choice: 'rnu'" in capsys.readouterr().err


def test_data_that_are_missing_leave_shapes_unchecked(tmp_path, capsys, monkeypatch):
    from akid.errors import MissingDataError
    from akid.sources import DigitsSource

    def missing(self):
        raise MissingDataError("digits.npz is not in DIR. Put it there.")

    monkeypatch.setattr(DigitsSource, "load", missing)
    file = write(tmp_path)
    assert main(["validate", file]) == 0
    assert capsys.readouterr().out == (
        f"{file}: valid (shapes are not checked: digits.npz is not in DIR. Put it there.)\n"
    )
    assert main(["run", file, "--log-dir", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err == "akid: spec.kid.sensor.source: digits.npz is not in DIR. Put it there.\n"


@pytest.mark.parametrize(
    "source",
    [
        "{type: MNISTFeedSource}",
        "{type: CIFAR10Source}",
        "{type: ImageFolderSource, work_dir: nowhere}",
        "{type: ImageFolderSource, work_dir: .}",
        "{type: TFRecordSource, features: {x: {shape: [2], dtype: float32}}, data: x, labels: [], train: 't-*'}",
    ],
)
def test_no_source_needs_its_data_to_be_validated(tmp_path, capsys, monkeypatch, source):
    file = write(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert main(["validate", file, "--set", f"{K}.sensor.source={source}"]) == 0
    assert "valid (shapes are not checked: " in capsys.readouterr().out


def test_a_run_directory_that_cannot_be_written(tmp_path: Path, capsys):
    (tmp_path / "run").write_text("a file")
    assert main(["run", write(tmp_path), "--log-dir", str(tmp_path / "run")]) == 2
    assert "log_dir must be a directory that can be written" in capsys.readouterr().err
