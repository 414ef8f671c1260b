"""The Observer: which pictures it makes, of what, and what it says if it cannot."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from observer.kids_to_observe import digits_kid, odd_kid, sequence_kid

from akid import DataError, Observer
from akid.errors import AkidError
from akid.observer.classifying import Classified, classifying_picture

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def kid(tmp_path_factory):
    """Trained for twenty steps."""
    trained = digits_kid(tmp_path_factory.mktemp("run"))
    trained.practice()
    return trained


@pytest.fixture
def observer(kid, tmp_path):
    return Observer(kid, tmp_path / "pictures")


def names(pictures):
    return [picture.name for picture in pictures]


def test_filters_of_every_synapse_layer_nested_ones_too(observer):
    made = observer.visualize_filters()
    assert names(made) == ["conv1_filters", "unit/deep_filters", "ip1_filters"]
    assert len(made.figures) == len(made) == 3
    for picture in made:
        assert picture.paths == (observer.output / f"{picture.name}.png",)
        assert picture.paths[0].read_bytes().startswith(PNG)
    assert made["ip1_filters"].figure.texts[0].get_text() == "ip1: 10 filters, 10 x 10 of 4 channels"


@pytest.mark.parametrize(
    "layout", ["square", "dynamic", {"type": "normal", "num": 3}, {"type": "inverse"}], ids=str
)
def test_filters_in_every_layout_show_the_weights(observer, layout):
    (picture,) = observer.visualize_filters(["conv1"], layout)
    drawn = picture.figure.axes[0].images[0].get_array()
    shown = np.sort(drawn[~drawn.mask].data)
    weights, biases = (observer.kid.brain[f"conv1/{name}"].numpy() for name in ("weights", "biases"))
    along = 0 if layout == "square" else 3
    np.testing.assert_allclose(shown, np.sort([*weights.ravel(), *np.repeat(biases, along)]), rtol=1e-6)


def test_without_biases_in_colour_and_of_any_number_of_channels(tmp_path):
    made = Observer(odd_kid(tmp_path)).visualize_filters()
    assert names(made) == ["conv_filters", "deconv_filters", "ip_filters"]
    assert made["conv_filters"].figure.axes[0].images[0].get_array().shape[2] == 3
    assert (tmp_path / "visualization" / "deconv_filters.png").exists()


def test_a_misspelt_layer_gets_a_near_match(observer):
    with pytest.raises(AkidError, match=r"has no synapse layer 'conv2'. Did you mean 'conv1'?"):
        observer.visualize_filters(["conv2"])


def test_a_kid_that_was_not_set_up_shows_what_its_run_learnt(kid, tmp_path):
    again = Observer(digits_kid(kid.log_dir), tmp_path)
    assert again.kid.step == 20
    np.testing.assert_array_equal(again.kid.brain["ip1/weights"].numpy(), kid.brain["ip1/weights"].numpy())


def test_activations_of_every_block_are_those_of_the_kid(observer):
    made = observer.visualize_activation(example=2)
    blocks = ["system_in", "conv1", "relu1", "unit/relu", "unit/deep", "unit/merge", "ip1"]
    assert names(made) == ["activations", *(f"{block}_activation" for block in blocks)]
    drawn = made["relu1_activation"].figure.axes[0].images[0].get_array()
    expected = observer.kid.data("relu1").numpy()[2]
    np.testing.assert_allclose(drawn[:10, :10].data, expected[:, :, 0], rtol=1e-4, atol=1e-6)
    heights = [bar.get_height() for bar in made["ip1_activation"].figure.axes[0].patches]
    np.testing.assert_allclose(heights, observer.kid.data("ip1").numpy()[2], rtol=1e-3, atol=1e-5)


def test_activations_of_sequences(tmp_path):
    made = Observer(sequence_kid(tmp_path)).visualize_activation(split="val", blocks=["conv"])
    assert names(made) == ["activations", "system_in_activation", "conv_activation"]
    assert made["conv_activation"].figure.axes[0].images[0].get_array().shape == (4, 6)


def test_an_example_that_is_not_there_is_told(observer):
    with pytest.raises(DataError, match=r"The first batch of 'train' has 32 examples. Received: example=40"):
        observer.visualize_activation(example=40)


def test_classifying_shows_answers_and_mistakes(observer):
    kid = observer.kid
    images, labels = (np.concatenate(part) for part in zip(*kid.sensor.batches("val"), strict=True))
    answers = kid.predict(images, ["loss"])["loss"].argmax(1)
    (picture,) = observer.visualize_classifying(idxs=[3, 50, 99])
    titles = [axes.get_title().split("\n")[0] for axes in picture.figure.axes]
    assert [title.split(",")[0] for title in titles] == [str(answers[i]) for i in (3, 50, 99)]
    wrong = np.flatnonzero(answers != labels)[:5]
    (picture,) = observer.visualize_classifying("loss", mistakes=True, most=5)
    titles = [axes.get_title().split("\n")[0] for axes in picture.figure.axes]
    assert titles == [f"{answers[i]}, is {labels[i]}" for i in wrong]


def test_if_none_was_mistaken_the_picture_says_so(observer):
    none = Classified("loss", np.zeros([0, 8, 8, 1]), np.zeros(0, int), np.zeros([0, 10]), np.zeros(0, int))
    picture = classifying_picture(none, None, observer.output)
    assert picture.figure.get_suptitle() == "loss: there are no such examples"


def test_as_many_examples_are_shown_as_are_named(observer):
    (picture,) = observer.visualize_classifying(idxs=range(30))
    assert len(picture.figure.axes) == 30


def test_classes_may_have_names(observer):
    (picture,) = observer.visualize_classifying(idxs=[0], classes=[f"n{i}" for i in range(10)])
    assert picture.figure.axes[0].get_title().startswith("n")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda o: o.visualize_classifying("los"), "no scores of classes called 'los'. Did you mean 'loss'?"),
        (lambda o: o.visualize_classifying(idxs=[0, 100]), "The split 'val' has 100 examples."),
        (lambda o: o.visualize_classifying(split="test"), "has no 'test' examples"),
        (lambda o: o.plot_sparsity(["relu2"]), "Did you mean 'relu1'?"),
        (lambda o: Observer(o.kid.brain), "kid must be a Kid"),
    ],
    ids=["output", "example", "split", "block", "kid"],
)
def test_what_cannot_be_is_told(observer, ask, said):
    with pytest.raises(AkidError) as error:
        ask(observer)
    assert said in str(error.value)


def test_data_that_are_no_images_cannot_be_classified_in_a_picture(tmp_path):
    with pytest.raises(AkidError, match=r"which the data of this Kid are not. Received: shape=\[6, 2\]"):
        Observer(sequence_kid(tmp_path)).visualize_classifying()


def test_statistics_of_filters_are_numbers_and_a_table(observer):
    report = observer.do_stat_on_filters()
    assert [row.layer for row in report.rows] == ["conv1", "unit/deep", "ip1"]
    weights = observer.kid.brain["conv1/weights"].numpy()
    np.testing.assert_allclose(report.rows[0].norms, np.linalg.norm(weights.reshape(-1, 4), axis=0), rtol=1e-5)
    assert str(report).splitlines()[1].split()[:3] == ["conv1", "4", "0"]
    assert names(report) == ["filter_norms"]


def test_sparsity_and_scalars_are_those_of_the_run(observer):
    (sparsity,) = observer.plot_sparsity()
    lines = {line.get_label(): line for line in sparsity.figure.axes[0].lines}
    assert {"relu1", "unit/relu"} <= set(lines)
    assert not {"conv1", "ip1"} & set(lines), "what is never zero"
    assert list(lines["relu1"].get_xdata()) == [5, 10, 15, 20]
    (scalars,) = observer.plot_scalars()
    panels = [axes.get_title() for axes in scalars.figure.axes]
    assert panels == [
        "loss",
        "accuracy",
        "learning rate",
        "regularisation loss",
        "sparsity of activations",
        "gradient norm",
    ]


def test_distributions_end_at_the_weights_of_today(observer):
    made = observer.plot_distributions()
    assert names(made) == [f"distributions_{kind}" for kind in ("weights", "gradients", "activations")]
    panel = {a.get_title(): a for a in made["distributions_weights"].figure.axes}["conv1/weights"]
    bands = [line.get_ydata()[-1] for line in panel.lines]
    weights = observer.kid.brain["conv1/weights"].numpy()
    np.testing.assert_allclose([bands[0], bands[8]], [weights.min(), weights.max()], rtol=1e-5)


def test_a_run_without_events_says_so(tmp_path):
    kid = sequence_kid(tmp_path)
    kid.practice()
    with pytest.raises(DataError, match="nothing was trained there yet, or with do_summary=False"):
        Observer(kid).plot_distributions()


def test_of_a_moving_average_the_average_is_shown(tmp_path):
    kid = digits_kid(tmp_path, moving_average_decay=0.9, max_steps=3)
    kid.practice()
    with kid.averaged():
        averaged = kid.brain["conv1/weights"].numpy()
    row = Observer(kid).do_stat_on_filters(["conv1"]).rows[0]
    np.testing.assert_allclose(row.norms, np.linalg.norm(averaged.reshape(-1, 4), axis=0), rtol=1e-5)


def test_without_matplotlib_the_extra_is_named(kid, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(AkidError, match=r"not installed: pip install 'akid\[observe\]'"):
        Observer(kid)


def test_the_observer_loads_no_pyplot_and_no_matplotlib_before_it_draws():
    code = "import sys, akid.observer; print([m for m in sys.modules if m.startswith('matplotlib')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pyplot_is_left_alone(observer):
    observer.visualize_filters(["conv1"])
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
