"""TFDS sets as sources: pictures, the label that is learnt, and what is refused."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.images import as_stored
from alexnet_jax.data.sources.tfds import tfds_source


class Shapes(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]
    """Pictures of different sizes, as TFDS's own builders hold them."""

    VERSION = tfds.core.Version("1.2.0")

    def _info(self) -> Any:
        features = {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=["round", "square"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, _: Any) -> Any:
        return {"train": self._generate_examples(8), "validation": self._generate_examples(2)}

    def _generate_examples(self, count: int) -> Iterator[tuple[int, Any]]:
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(shape(number)).save(file, "JPEG", quality=95)
            file.seek(0)
            yield number, {"image": file, "label": number % 2}


def shape(number: int) -> np.ndarray:
    return np.full((20 + number, 30, 3), (10 * number, 50, 200), np.uint8)


def test_tfds_sets_are_read(tmp_path: Path) -> None:
    builder = Shapes(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare()
    source = tfds_source("shapes", source_dir=str(tmp_path), size=16)
    assert (source.name, source.class_names) == ("shapes_16", ("round", "square"))
    assert {split: len(found.labels) for split, found in source.splits.items()} == {
        "train": 8,
        "test": 2,
    }
    train, seen = source.splits["train"], set()
    for row in range(8):
        image = train.read(row, 16, 3)
        number = round(int(image[0, 0, 0]) / 10)
        seen.add(number)
        assert train.labels[row] == number % 2
        want = as_stored(Image.fromarray(shape(number)), 16, 3)
        np.testing.assert_allclose(image, want.astype(int), atol=4)  # it was a JPEG
    assert seen == set(range(8))
    grey = train.read(0, 16, 1)
    assert grey.shape == (16, 16, 1)


class Twice(Shapes):
    """Pictures with labels of two kinds, of which one is learnt, as TFDS has CIFAR-100."""

    supervised: Any = ("image", "label")

    def _info(self) -> Any:
        features = {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "coarse_label": tfds.features.ClassLabel(names=["any", "other"]),
            "label": tfds.features.ClassLabel(names=["round", "square"]),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=self.supervised,
        )

    def _generate_examples(self, count: int) -> Iterator[tuple[int, Any]]:
        for number, example in super()._generate_examples(count):
            yield number, example | {"coarse_label": 1 - number % 2}


class Unclear(Twice):
    supervised = None


def test_the_label_that_tfds_says_is_learnt(tmp_path: Path) -> None:
    for builder in (Twice, Unclear):
        builder(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    train = tfds_source("twice", source_dir=str(tmp_path), size=16).splits["train"]
    for row in range(8):
        assert train.labels[row] == round(int(train.read(row, 16, 3)[0, 0, 0]) / 10) % 2
    with pytest.raises(InputError, match=r"class labels \['coarse_label', 'label'\]"):
        tfds_source("unclear", source_dir=str(tmp_path), size=16)


def test_nothing_is_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that TFDS knows and that is not there takes --download."""
    asked: list[str] = []

    def download(builder: Any, **_: object) -> None:
        asked.append(builder.name)
        raise OSError("no network here")

    monkeypatch.setattr(Shapes, "download_and_prepare", download)
    with pytest.raises(InputError, match="it is not there; --download lets TFDS") as caught:
        tfds_source("shapes", source_dir=str(tmp_path), size=16)
    assert "\n" not in str(caught.value)
    assert not asked
    with pytest.raises(InputError, match="no network here"):
        tfds_source("shapes", source_dir=str(tmp_path), size=16, download=True)
    assert asked == ["shapes"]


class Clear(Shapes):
    """Pictures with transparency, and PostScript for one of them."""

    def _info(self) -> Any:
        features = {
            "image": tfds.features.Image(shape=(None, None, 4), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=["round", "square"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, count: int) -> Iterator[tuple[int, Any]]:
        for number in range(count):
            file = io.BytesIO()
            Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(file, "PNG")
            if number == 0:
                file = io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0")
            file.seek(0)
            yield number, {"image": file, "label": number % 2}


def test_tfds_pictures_are_read_as_files_are(tmp_path: Path) -> None:
    Clear(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    for ground, level in (("white", 255), ("black", 0)):
        more: Any = {"ground": ground}
        source = tfds_source("clear", source_dir=str(tmp_path), size=8, **more)
        bad = 0
        for row in range(8):
            try:
                assert (source.splits["train"].read(row, 8, 3) == level).all()
            except InputError as error:
                bad += "not a picture" in str(error)
        assert bad == 1


def test_a_tfds_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing_of_the_kind cannot be used from") as caught:
        tfds_source("nothing_of_the_kind", source_dir=str(tmp_path))
    assert "\n" not in str(caught.value)
