"""Pickles of arrays, read without running anything that is in them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from akid.sources.files import damaged

_MULTIARRAY = np.zeros(1).__reduce__()[0]
_FROMBUFFER = np.zeros(1).__reduce_ex__(5)[0]


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in old protocols."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


#: All that a pickle of numbers may refer to.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _MULTIARRAY for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FROMBUFFER for core in ("core", "_core")},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Knows dicts, lists, numbers, bytes and numpy arrays of them, nothing else."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it refers to {module_name}.{global_name}, which data do not need and which is not run"
            ) from None


def read_pickle(path: Path) -> dict[str, Any]:
    """The dict in a pickle, its keys as str.

    Raises:
        DataError: the file is damaged, or holds something else or more than arrays.
    """
    try:
        with path.open("rb") as file:
            content = _ArrayUnpickler(file, encoding="bytes").load()
        return {k.decode() if isinstance(k, bytes) else str(k): v for k, v in content.items()}
    except OSError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise damaged(path, f"is no pickle of arrays ({type(error).__name__}: {error})") from None
