"""imagenet2012 as TensorFlow Datasets describes it, with its mocked pictures, from end to end."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from helpers.scripts import NARROW, call, measurements
from PIL import Image

from alexnet_jax.data.images import as_stored
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.data.sources import tfds as tfds_source

COUNT, SIZE = 12, 72


NAME = f"imagenet2012_{SIZE}"


def records(split: str) -> Any:
    """Inside the mock."""
    return tfds.builder("imagenet2012").as_data_source(split=split)


def claim(directory: Path) -> None:
    """Writes what TFDS would of a prepared imagenet2012, but for its records."""
    builder = tfds.builder("imagenet2012", data_dir=directory, file_format="array_record")
    where = Path(builder.data_dir)
    where.mkdir(parents=True)
    template = tfds.core.ShardedFileTemplate(
        data_dir=where, dataset_name="imagenet2012", filetype_suffix="array_record"
    )
    splits = [
        tfds.core.SplitInfo(
            name=name,
            shard_lengths=[COUNT],
            num_bytes=0,
            filename_template=template.replace(split=name),
        )
        for name in ("train", "validation")
    ]
    builder.info.set_splits(tfds.core.splits.SplitDict(splits))
    builder.info.write_to_directory(where)


def encoded(split: str) -> list[dict[str, Any]]:
    """Records as TFDS reads them when it leaves pictures as they are."""
    found = []
    for record in (records(split)[number] for number in range(COUNT)):
        file = io.BytesIO()
        Image.fromarray(record["image"]).save(file, "PNG")
        found.append({"image": file.getvalue(), "label": record["label"]})
    return found


@dataclass(frozen=True)
class Prepared:
    data_dir: Path
    want: dict[bytes, int]  # stored pictures and their labels


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """What `prepare.py tfds` makes of the mock.

    The mock needs TensorFlow for pictures that are not to be decoded, and knows builders by name
    only: the two calls that would ask for more are put in their place, and pictures encoded anew.
    """
    directory, data_dir = (tmp_path_factory.mktemp(name) for name in ("tfds", "data"))
    claim(directory)
    policy, want = tfds.testing.MockPolicy.USE_FILES, {}
    with (
        pytest.MonkeyPatch.context() as patch,
        tfds.testing.mock_data(num_examples=COUNT, data_dir=directory, policy=policy),
    ):
        patch.setattr(tfds_source, "_undecoded", lambda image: None)
        patch.setattr(tfds_source, "_records", lambda where, split, image: encoded(split))
        for record in (records("train")[number] for number in range(COUNT)):
            stored = as_stored(Image.fromarray(record["image"]), SIZE, 3)
            want[stored.tobytes()] = int(record["label"])
        source = ("imagenet2012", "--source-dir", directory, "--size", SIZE)
        made = call("prepare", "tfds", *source, "--data-dir", data_dir, "--workers", 1)
    assert (made.status, made.err) == (0, "")
    return Prepared(data_dir, want)


def test_every_picture_once_with_its_label(prepared: Prepared) -> None:
    """Resized, and among the thousand classes in TFDS's order."""
    found = load_prepared(NAME, prepared.data_dir)
    assert (len(found.class_names), found.class_names[0]) == (1000, "n01440764")
    got = zip(found.train.images[np.arange(COUNT)], found.train.labels.tolist(), strict=True)
    assert {image.tobytes(): label for image, label in got} == prepared.want
    assert len(prepared.want) == len(found.test) == COUNT


@pytest.mark.slow
def test_packed_verified_and_trained(prepared: Prepared, tmp_path: Path) -> None:
    where = ("--data-dir", prepared.data_dir)
    assert call("prepare", "pack", NAME, *where, "--workers", 1).status == 0
    assert call("prepare", "verify", NAME, *where).status == 0
    trained = call(
        "train", "imagenet_paper", "--workdir", tmp_path / "run", "--data", NAME, *where,
        "--steps", 2, "--log-every", 1, "--set", *NARROW, "batch=8", "image_size=67", "init=small",
        "evaluate_every=2",
    )  # fmt: skip
    assert (trained.status, trained.err) == (0, "")
    assert [line["step"] for line in measurements(tmp_path / "run")] == [1, 2, 2, 2]
