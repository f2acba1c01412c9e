"""Tiny ImageNet in small: its own layout, of made-up pictures."""

from pathlib import Path

import numpy as np
from PIL import Image

WORDS = {
    "n02123045": "tabby, tabby cat",
    "n00001740": "entity",
    "n03126707": "crane",
    "n02012849": "crane, wading bird",
    "n01443537": "goldfish, Carassius auratus",
}
WNIDS = ("n01443537", "n02012849", "n02123045", "n03126707")
NAMES = ("goldfish", "crane, wading bird", "tabby", "crane")
VALIDATION = ("n03126707", "n01443537", "n02123045", "n01443537", "n02012849")


def picture(seed: int) -> Image.Image:
    """Of two colours that its number decides; every fifth one is grey."""
    colours = np.random.default_rng(seed).integers(0, 256, (1, 2, 3), np.uint8)
    image = Image.fromarray(colours.repeat(64, 0).repeat(32, 1))
    return image.convert("L") if seed % 5 == 4 else image


def write_tiny(directory: Path, train: int = 3) -> Path:
    """Write tiny-imagenet-200 with four classes into `directory`; return it."""
    base = directory / "tiny-imagenet-200"
    for label, wnid in enumerate(WNIDS):
        (base / "train" / wnid / "images").mkdir(parents=True)
        (base / "train" / wnid / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t0\t63\t63\n")
        for number in range(train):
            file = base / "train" / wnid / "images" / f"{wnid}_{number}.JPEG"
            picture(train * label + number).save(file)
    for part in ("val", "test"):
        (base / part / "images").mkdir(parents=True)
        for number in range(len(VALIDATION)):
            picture(100 + number).save(base / part / "images" / f"{part}_{number}.JPEG")
    lines = [f"val_{k}.JPEG\t{wnid}\t0\t32\t44\t62" for k, wnid in enumerate(VALIDATION)]
    (base / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (base / "words.txt").write_text("".join(f"{key}\t{of}\n" for key, of in WORDS.items()))
    (base / "wnids.txt").write_text("\n".join(WNIDS[::-1]))
    return base
