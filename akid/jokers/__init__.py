"""Jokers: augmentation and adjustment of batches."""

from akid.jokers.base import Joker, JokerSystem, PadJoker

__all__ = ["Joker", "JokerSystem", "PadJoker"]
