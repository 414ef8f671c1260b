# TensorFlow publishes no types, and the community's stubs lack much of what is used here and refuse valid
# calls; so its values are Any, and only what akid subclasses is declared.
from typing import Any

class Module:
    def __init__(self, name: str | None = None) -> None: ...

def __getattr__(name: str) -> Any: ...
