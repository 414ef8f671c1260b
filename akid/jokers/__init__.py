"""Jokers: augmentation and adjustment of batches."""

from akid.jokers.base import Joker, JokerSystem
from akid.jokers.function import FunctionJoker
from akid.jokers.geometry import CropJoker, FlipJoker, PadJoker, ResizeJoker
from akid.jokers.light import LightJoker, RescaleJoker, WhitenJoker
from akid.jokers.mix import CutoutJoker, MixupJoker

__all__ = [
    "CropJoker",
    "CutoutJoker",
    "FlipJoker",
    "FunctionJoker",
    "Joker",
    "JokerSystem",
    "LightJoker",
    "MixupJoker",
    "PadJoker",
    "RescaleJoker",
    "ResizeJoker",
    "WhitenJoker",
]
