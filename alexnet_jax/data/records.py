"""Records in the format of TensorFlow Datasets (array_record), without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.data.dataset import Pixels, Rows
from alexnet_jax.runtime import text_path

VERSION = "1.0.0"
_AT_A_TIME = 64  # records in memory besides their images


def features(shape: tuple[int, ...], class_names: tuple[str, ...]) -> Any:
    """Return TFDS's description of a record: image [S, S, C] uint8, label and file_name."""
    import tensorflow_datasets as tfds

    raw = tfds.features.Encoding.BYTES  # twenty times as fast as the default encoding
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding=raw),
            "label": tfds.features.ClassLabel(names=list(class_names)),
            "file_name": tfds.features.Text(),
        }
    )


def shard_name(name: str, split: str, shard: int, shards: int) -> str:
    """Return TFDS's name for the file of a shard."""
    return f"{name}-{split}.array_record-{shard:05d}-of-{shards:05d}"


class RecordWriter:
    """Writer of one shard of records, which gets its final name when it is complete."""

    def __init__(self, path: Path) -> None:
        from array_record.python import array_record_module

        self._path = path
        self._aside = path.with_name(path.name + ".unfinished")
        # Groups of one record allow random access; pixels of photographs hardly compress.
        options = "group_size:1,uncompressed"
        self._writer = array_record_module.ArrayRecordWriter(str(self._aside), options)

    def write(self, image: np.ndarray, label: int, name: str) -> None:
        # Names of files need not be valid text; other bytes are written as \\xNN.
        text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
        self._writer.write(serialized(image, label, text))

    def close(self) -> None:
        self._writer.close()
        self._aside.replace(self._path)


def serialized(image: np.ndarray, label: int, file_name: str) -> bytes:
    """Serialize a record as described by `features`, four times as fast as TFDS does."""
    from tensorflow_datasets.proto import tf_example_pb2

    example = tf_example_pb2.Example()
    feature = example.features.feature
    feature["image"].bytes_list.value.append(image.tobytes())
    feature["label"].int64_list.value.append(label)
    feature["file_name"].bytes_list.value.append(file_name.encode())
    return bytes(example.SerializeToString())


def write_metadata(
    directory: Path,
    name: str,
    shape: tuple[int, ...],
    class_names: tuple[str, ...],
    shards: dict[str, list[int]],
) -> None:
    """Write the files that TFDS needs to read the directory.

    `shards` maps a split to the number of records in each of its shards.
    """
    import tensorflow_datasets as tfds

    template = tfds.core.ShardedFileTemplate(
        data_dir=directory,
        dataset_name=name,
        filetype_suffix="array_record",
        template="{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
    )
    infos = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=lengths,
            num_bytes=sum(lengths) * int(np.prod(shape)),
            filename_template=template.replace(split=split),
        )
        for split, lengths in shards.items()
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=directory,
        features=features(shape, class_names),
        split_infos=infos,
        version=VERSION,
        filename_template=template,
        check_data=False,  # the check needs TensorFlow
        supervised_keys=("image", "label"),
    )


class RecordImages:
    """Images of a split in records, [N, S, S, C] uint8, read when they are indexed.

    An index is a row, a slice or an array of rows; the result is an array.
    """

    def __init__(self, directory: Path, split: str, shape: tuple[int, ...]) -> None:
        import tensorflow_datasets as tfds

        builder = tfds.builder_from_directory(text_path(directory, "records"))
        self._records = builder.as_data_source(split=split).data_source
        self.shape = (len(self._records), *shape)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows, /) -> Pixels:
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self[chosen[None]][0]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for start in range(0, len(chosen), _AT_A_TIME):
            numbers = chosen[start : start + _AT_A_TIME].tolist()
            for row, record in enumerate(self._records.__getitems__(numbers), start):
                images[row] = _pixels(record).reshape(self.shape[1:])
        return images


def _pixels(record: bytes) -> np.ndarray:
    """Return the pixels of a serialized record, flat.

    TFDS's own decoder takes three times as long, since it also decodes label and name. The labels
    are in the manifest already.
    """
    from tensorflow_datasets.proto import tf_example_pb2

    feature = tf_example_pb2.Example.FromString(record).features.feature["image"]
    return np.frombuffer(feature.bytes_list.value[0], np.uint8)
