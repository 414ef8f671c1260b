"""The digits as TFRecord files in shards, as a data team leaves them on a volume: `records.py DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from akid import DigitsSource
from akid.backend import tf

SHARDS = {"train": 4, "val": 1}


def write(directory: Path) -> None:
    """Bytes of 8 x 8 pixels, of 0 to 16, and the label."""
    splits = DigitsSource(num_val=300).load()
    for split, count in SHARDS.items():
        images, labels = splits[split]
        for shard, rows in enumerate(np.array_split(np.arange(len(labels)), count)):
            with tf.io.TFRecordWriter(str(directory / f"{split}-{shard}.tfrecord")) as writer:
                for row in rows:
                    writer.write(_example(images[row], int(labels[row])))


def _example(image: np.ndarray, label: int) -> bytes:
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.append(image.astype(np.uint8).tobytes())
    example.features.feature["label"].int64_list.value.append(label)
    return example.SerializeToString()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
