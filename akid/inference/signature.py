"""What a brain is given, noted in the run directory so that it can be rebuilt without the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from akid.backend import tf
from akid.errors import DataError
from akid.runs.run_dir import read_json, write_json

if TYPE_CHECKING:
    from akid.sensors.sensor import Sensor


@dataclass(frozen=True)
class Signature:
    """Shapes and dtypes of batches, the batch dimension None.

    Attributes:
        batch: of ``[data, *labels]`` as the brain is given them.
        raw: as the source gives them, before normalisation and jokers.
    """

    batch: Sequence[tf.TensorSpec]
    raw: Sequence[tf.TensorSpec]

    @classmethod
    def of(cls, sensor: Sensor) -> Self:
        """The signature of a sensor that is set up."""
        raw = [tf.TensorSpec([None, *s.shape[1:]], s.dtype) for s in sensor.source.signature()]
        return cls(sensor.signature(), raw)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From its file.

        Raises:
            DataError: there is none.
        """
        found = read_json(path)
        if found is None:
            raise DataError(f"There is no {path}; expected the directory of a run that has begun to train.")
        return cls(*([_spec(s) for s in found[key]] for key in ("batch", "raw")))

    def write(self, path: Path) -> None:
        """To its file."""
        write_json(path, {"batch": [_plain(s) for s in self.batch], "raw": [_plain(s) for s in self.raw]})


def _plain(spec: tf.TensorSpec) -> dict[str, Any]:
    shape = None if spec.shape.rank is None else list(spec.shape)
    return {"shape": shape, "dtype": spec.dtype.name}


def _spec(plain: dict[str, Any]) -> tf.TensorSpec:
    return tf.TensorSpec(plain["shape"], tf.as_dtype(plain["dtype"]))
