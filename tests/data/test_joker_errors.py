"""What jokers refuse, and in which words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from akid import jokers
from akid.backend import tf
from akid.blocks.trip import Trip
from akid.errors import BlockError

IMAGES = np.zeros([2, 6, 5, 3], np.float32)

ARGUMENTS = {
    "unknown split": (
        lambda: jokers.FlipJoker(splits=["train", "vall"]),
        "flip: splits must be a list of some of ('train', 'val', 'test'). Did you mean 'val'?"
        " Received: splits=['train', 'vall']",
    ),
    "a split that is no list": (
        lambda: jokers.PadJoker(splits="train"),
        "pad: splits must be a list of strings. Received: splits='train'",
    ),
    "padding": (lambda: jokers.PadJoker(-1), "pad: padding must be an integer, [height, width]"),
    "padding of three": (lambda: jokers.PadJoker([1, 2, 3]), "each >= 0. Received: padding=[1, 2, 3]"),
    "crop of nothing": (
        lambda: jokers.CropJoker(),
        "crop takes height and width, or central_fraction. Received: height=None, width=None,"
        " central_fraction=None",
    ),
    "crop without a width": (lambda: jokers.CropJoker(3), "Received: height=3, width=None, central_fraction=None"),
    "crop without a height": (lambda: jokers.CropJoker(width=3), "Received: height=None, width=3"),
    "crop of both": (
        lambda: jokers.CropJoker(3, 3, central_fraction=0.5),
        "Received: height=3, width=3, central_fraction=0.5",
    ),
    "crop of a fraction and a width": (
        lambda: jokers.CropJoker(width=3, central_fraction=0.5),
        "Received: height=None, width=3, central_fraction=0.5",
    ),
    "fraction": (
        lambda: jokers.CropJoker(central_fraction=1.5, name="middle"),
        "middle: central_fraction must be a number in (0, 1]. Received: central_fraction=1.5",
    ),
    "window": (lambda: jokers.CropJoker(0, 3), "crop: height must be an integer"),
    "crop's padding": (lambda: jokers.CropJoker(3, 3, padding=-2), "crop: padding must be an integer"),
    "no flip": (
        lambda: jokers.FlipJoker(False),
        "flip flips neither left and right nor up and down; leave it out.",
    ),
    "contrast": (
        lambda: jokers.LightJoker(contrast=[2, 1]),
        "light: contrast[1] must be a number >= 2. Received: contrast[1]=1",
    ),
    "brightness": (lambda: jokers.LightJoker(brightness=[0.1]), "light: brightness must be True, False or"),
    "contrast by a number": (lambda: jokers.LightJoker(contrast=0.5), "[lowest, highest]. Received: contrast=0.5"),
    "contrast by words": (
        lambda: jokers.LightJoker(contrast=["a", "b"]),
        "light: contrast[0] must be a number. Received: contrast[0]='a'",
    ),
    "size": (lambda: jokers.ResizeJoker(0, 4), "resize: height must be an integer"),
    "method": (
        lambda: jokers.ResizeJoker(4, 4, "biliner"),
        "resize: method must be one of ['bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5',"
        " 'gaussian', 'mitchellcubic']. Did you mean 'bilinear'? Received: method='biliner'",
    ),
    "cutout": (lambda: jokers.CutoutJoker(0), "cutout: size must be an integer"),
    "alpha": (lambda: jokers.MixupJoker(0), "mixup: alpha must be a number > 0. Received: alpha=0"),
    "function": (
        lambda: jokers.FunctionJoker("invert"),
        "function: function must be callable as f(data, trip). Received: function='invert'",
    ),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_wrong_arguments_are_refused(case):
    make, words = ARGUMENTS[case]
    with pytest.raises(BlockError, match=re.escape(words)):
        make()


SIGNALS = {
    "window too large": (
        jokers.CropJoker(9, 4, padding=[1, 0]),
        [IMAGES],
        "crop: the window must fit the images of 8 x 5 pixels, padding included. Received: height=9, width=4",
    ),
    "mixup of data alone": (
        jokers.MixupJoker(),
        IMAGES,
        "mixup changes labels too: it plays on [data, *labels]. Received: data alone",
    ),
    "mixup without class_num": (
        jokers.MixupJoker(),
        [IMAGES, np.zeros([2], np.int32)],
        "mixup needs class_num for each label that is a class number [batch]. Received: class_num=[], label 0 of"
        " shape (2,)",
    ),
    "mixup without a second class_num": (
        jokers.MixupJoker(class_num=[3]),
        [IMAGES, np.zeros([2], np.int32), np.zeros([2], np.int32)],
        "Received: class_num=[3], label 1 of shape (2,)",
    ),
    "mixup of dense integers": (
        jokers.MixupJoker(class_num=3),
        [IMAGES, np.zeros([2, 3], np.int32)],
        "Received: class_num=[3], label 0 of shape (2, 3)",
    ),
    "a function without a value": (
        jokers.FunctionJoker(lambda data, trip: None),
        [IMAGES],
        "function: the function must return the changed data. Received: None",
    ),
}


@pytest.mark.parametrize("case", SIGNALS)
def test_signals_that_do_not_fit_are_refused(case):
    joker, signal, words = SIGNALS[case]
    with pytest.raises(BlockError, match=re.escape(words)):
        joker(signal, Trip(training=True))


IMAGE_JOKERS = [
    jokers.PadJoker(),
    jokers.CropJoker(2, 2),
    jokers.FlipJoker(),
    jokers.LightJoker(),
    jokers.WhitenJoker(),
    jokers.RescaleJoker(),
    jokers.ResizeJoker(2, 2),
    jokers.CutoutJoker(),
]


@pytest.mark.parametrize("joker", IMAGE_JOKERS, ids=lambda j: j.name)
def test_jokers_of_images_take_images_only(joker):
    words = (
        f"'{joker.name}' plays on images [batch, height, width, channel] of a known size. Received: shape=(2, 7)"
    )
    with pytest.raises(BlockError, match=re.escape(words)):
        joker(tf.zeros([2, 7]), Trip(training=True))


def test_images_of_unknown_size_are_refused():
    played = tf.function(jokers.WhitenJoker(), autograph=False)
    with pytest.raises(BlockError, match=re.escape("of a known size. Received: shape=(2, None, None, 3)")):
        played.get_concrete_function(tf.TensorSpec([2, None, None, 3]))


def test_a_joker_without_a_joke_says_which_method_is_missing():
    class EmptyJoker(jokers.Joker):
        pass

    with pytest.raises(NotImplementedError, match=re.escape("EmptyJoker must define _joke(self, data, trip)")):
        EmptyJoker()([IMAGES])
