"""Blocks: what a block is, how blocks are wired, and the trip of a signal through them."""

from akid.blocks.block import Block, Constraint, ProcessingLayer, Signal
from akid.blocks.brain import Brain
from akid.blocks.graph import GraphSystem
from akid.blocks.system import SequentialSystem, System
from akid.blocks.trip import Trip

__all__ = [
    "Block",
    "Brain",
    "Constraint",
    "GraphSystem",
    "ProcessingLayer",
    "SequentialSystem",
    "Signal",
    "System",
    "Trip",
]
