"""Seeing inside a Kid: pictures of what it learnt and of how it did (paper, section 3.2.2)."""

from akid.observer.canvas import Picture, Pictures
from akid.observer.observer import Observer

__all__ = ["Observer", "Picture", "Pictures"]
