"""CIFAR's archives in small: the files that their authors give, of made-up pictures."""

import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.data.sources import Source
from alexnet_jax.data.sources.cifar import cifar10, cifar100
from helpers.pictures import quiet
from helpers.python2 import python2

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
HUNDRED = [f"thing_{number:02d}" for number in range(100)]
TWENTY = [f"kind_{number:02d}" for number in range(20)]
COUNTS = {"cifar10": (25, 7), "cifar100": (110, 6)}  # training and test pictures
EVERY = [(dataset, form) for dataset in COUNTS for form in ("python", "binary")]
Part = tuple[np.ndarray, np.ndarray]  # images [N, 32, 32, 3] uint8, labels [N]


def drawn(dataset: str, count: int, seed: int) -> Part:
    """Random pictures with every class in turn."""
    random = np.random.default_rng(seed)
    classes = 10 if dataset == "cifar10" else 100
    return random.integers(0, 256, (count, 32, 32, 3), np.uint8), np.arange(count) % classes


PARTS = {
    name: (drawn(name, train, 1), drawn(name, test, 2)) for name, (train, test) in COUNTS.items()
}


def coarse(labels: np.ndarray) -> np.ndarray:
    """The coarse label of each fine one: not in its order."""
    return (labels * 7) % 20


def planes(images: np.ndarray) -> np.ndarray:
    """[N, 3072]: all of red, then green, then blue."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def files(dataset: str, form: str, train: Part, test: Part) -> dict[str, bytes]:
    """The files of an archive in the form "python" or "binary", by name."""
    ten = dataset == "cifar10"
    parts = {"test_batch" if ten else "test": test}
    if ten:
        each = zip(*(np.array_split(values, 5) for values in train), strict=True)
        parts |= {f"data_batch_{number}": part for number, part in enumerate(each, 1)}
    else:
        parts["train"] = train
    if form == "binary":
        written = {f"{name}.bin": records(dataset, *part) for name, part in parts.items()}
        names = {"batches.meta.txt": [*TEN, ""]} if ten else {
            "fine_label_names.txt": HUNDRED, "coarse_label_names.txt": TWENTY
        }  # fmt: skip
        return written | {name: ("\n".join(of) + "\n").encode() for name, of in names.items()}
    written = {name: python2(batch(dataset, name, *part)) for name, part in parts.items()}
    if ten:
        held = {"num_cases_per_batch": 10000, "label_names": TEN, "num_vis": 3072}
        return written | {"batches.meta": python2(held)}
    return written | {"meta": python2({"fine_label_names": HUNDRED, "coarse_label_names": TWENTY})}


def batch(dataset: str, name: str, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The dictionary that a file of pictures holds."""
    own = {"labels": labels} if dataset == "cifar10" else {
        "fine_labels": labels, "coarse_labels": coarse(labels)
    }  # fmt: skip
    return {
        "batch_label": f"{name} of a few",
        **{key: values.tolist() for key, values in own.items()},
        "data": planes(images),
        "filenames": [f"picture_s_{number:06d}.png" for number in range(len(images))],
    }


def records(dataset: str, images: np.ndarray, labels: np.ndarray) -> bytes:
    """Records of the labels' bytes, coarse before fine, and the pictures' 3,072."""
    own = [labels] if dataset == "cifar10" else [coarse(labels), labels]
    return np.column_stack([*(of.astype(np.uint8) for of in own), planes(images)]).tobytes()


FOLDERS = {
    ("cifar10", "python"): "cifar-10-batches-py",
    ("cifar10", "binary"): "cifar-10-batches-bin",
    ("cifar100", "python"): "cifar-100-python",
    ("cifar100", "binary"): "cifar-100-binary",
}


def unpacked(directory: Path, dataset: str, form: str, train: Part, test: Part) -> Path:
    """Write the files into their folder in `directory`."""
    folder = directory / FOLDERS[dataset, form]
    folder.mkdir(parents=True)
    for name, content in files(dataset, form, train, test).items():
        (folder / name).write_bytes(content)
    (folder / "readme.html").write_text("a page")
    return folder


def packed(folder: Path, archive: Path) -> Path:
    """Pack a folder; the name of the archive says whether gzip is used."""
    with tarfile.open(archive, "w:gz" if archive.suffix == ".gz" else "w") as tar:
        tar.add(folder, folder.name)
    return archive


def source(archive: Path, dataset: str, **options: Any) -> Source:
    """The source of an archive or its folder."""
    return {"cifar10": cifar10, "cifar100": cifar100}[dataset](archive, **{"note": quiet} | options)
