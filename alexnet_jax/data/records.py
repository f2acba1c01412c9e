"""Records in the format of TensorFlow Datasets (array_record), without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

VERSION = "1.0.0"
_AT_A_TIME = 64  # records in memory besides their images


def features(shape: tuple[int, ...], class_names: tuple[str, ...]) -> Any:
    """TFDS's description of a record: image [S, S, C] uint8 as its bytes, label, file_name."""
    import tensorflow_datasets as tfds

    raw = tfds.features.Encoding.BYTES  # the default encoding is twenty times slower
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding=raw),
            "label": tfds.features.ClassLabel(names=list(class_names)),
            "file_name": tfds.features.Text(),
        }
    )


def shard_name(name: str, split: str, shard: int, shards: int) -> str:
    return f"{name}-{split}.array_record-{shard:05d}-of-{shards:05d}"


class RecordWriter:
    """One shard of records, under its own name only once it is complete."""

    def __init__(self, path: Path) -> None:
        from array_record.python import array_record_module

        self._path = path
        self._aside = path.with_name(path.name + ".unfinished")
        # Groups of one record for random access; photographs' pixels hardly compress.
        options = "group_size:1,uncompressed"
        self._writer = array_record_module.ArrayRecordWriter(str(self._aside), options)

    def write(self, image: np.ndarray, label: int, name: str) -> None:
        # Names of files need not be text; what is not is written as \\xNN.
        text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
        self._writer.write(serialized(image, label, text))

    def close(self) -> None:
        self._writer.close()
        self._aside.replace(self._path)


def serialized(image: np.ndarray, label: int, file_name: str) -> bytes:
    """A record as `features` describes it, in a quarter of the time that they take to write it."""
    from tensorflow_datasets.proto import tf_example_pb2

    example = tf_example_pb2.Example()
    found = example.features.feature
    found["image"].bytes_list.value.append(image.tobytes())
    found["label"].int64_list.value.append(label)
    found["file_name"].bytes_list.value.append(file_name.encode())
    return bytes(example.SerializeToString())


def write_metadata(
    directory: Path,
    name: str,
    shape: tuple[int, ...],
    class_names: tuple[str, ...],
    shards: dict[str, list[int]],
) -> None:
    """What TFDS needs to read the directory: the records in each shard of each split."""
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
        check_data=False,  # it would want TensorFlow
        supervised_keys=("image", "label"),
    )


class RecordImages:
    """The images of a split in records, read when they are asked for: [N, S, S, C] uint8.

    Takes a row, a slice or an array of rows, and returns an array.
    """

    def __init__(self, directory: Path, split: str, shape: tuple[int, ...]) -> None:
        import tensorflow_datasets as tfds

        builder = tfds.builder_from_directory(directory)
        self._records = builder.as_data_source(split=split).data_source
        self.shape = (len(self._records), *shape)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self[chosen[None]][0]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for start in range(0, len(chosen), _AT_A_TIME):
            places = chosen[start : start + _AT_A_TIME].tolist()
            for place, record in enumerate(self._records.__getitems__(places), start):
                images[place] = _pixels(record).reshape(self.shape[1:])
        return images


def _pixels(record: bytes) -> np.ndarray:
    """The image of a serialised record, flat. TFDS's own decoder takes three times as long, for
    labels and names too, which stand beside the records already."""
    from tensorflow_datasets.proto import tf_example_pb2

    found = tf_example_pb2.Example.FromString(record).features.feature["image"]
    return np.frombuffer(found.bytes_list.value[0], np.uint8)
