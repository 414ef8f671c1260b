"""Kids: how a run goes."""

from akid.kids.hooks import KidHook, KidHooks
from akid.kids.kid import Kid

__all__ = ["Kid", "KidHook", "KidHooks"]
