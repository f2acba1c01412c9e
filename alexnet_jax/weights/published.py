"""Published weights: their preprocessing, accuracy and digests, with sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alexnet_jax.checkpoints import file_digest
from alexnet_jax.runs import Resize

Kind = Literal["torchvision", "caffe", "onnx", "npy", "safetensors"]
KINDS: tuple[Kind, ...] = ("torchvision", "caffe", "onnx", "npy", "safetensors")
Order = Literal["RGB", "BGR"]


@dataclass(frozen=True)
class Published:
    """Published accuracy of one file of weights, in percent.

    It was measured on the centre crops of ImageNet 2012's validation pictures. `digest`,
    "sha256:..." or "sha1:...", identifies the file by the first digits of its hash; it is "" if
    none was published.
    """

    top1: float
    top5: float
    source: str
    digest: str = ""

    def is_of(self, path: Path, sha256: str) -> bool:
        """Whether the file at `path`, with this SHA-256, is the one that was measured."""
        kind, _, digits = self.digest.partition(":")
        digest = sha256 if kind in ("sha256", "") else file_digest(path, kind)
        return bool(digits) and digest.startswith(digits)


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing that turns a picture into the input that a network was trained on.

    The picture is resized by `resize` to `stored_size` and cropped at the centre to the network's
    `image_size`. Then `mean` (one number a channel, red first, of pixels from 0 to 255) is
    subtracted, and the result multiplied by `pixel_scale` and divided by `channel_std`.
    `channel_order` is that of the file: parameters in this project always take RGB.
    """

    resize: Resize
    stored_size: int
    mean: tuple[float, ...]
    channel_order: Order
    source: str
    pixel_scale: float = 1.0
    channel_std: tuple[float, ...] = ()


TORCHVISION = Preprocessing(
    resize="short_bilinear",
    stored_size=256,
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    pixel_scale=1 / 255,
    channel_std=(0.229, 0.224, 0.225),
    channel_order="RGB",
    source="pytorch.org/vision, AlexNet_Weights.IMAGENET1K_V1.transforms",
)
# The mean pixel is ImageNet's as Caffe's example gives it; a mean file replaces it.
CAFFE = Preprocessing(
    resize="warp_bilinear",
    stored_size=256,
    mean=(123.0, 117.0, 104.0),
    channel_order="BGR",
    source="BVLC/caffe, examples/imagenet/readme.md and models/bvlc_alexnet/train_val.prototxt",
)
ONNX_BVLC = Preprocessing(
    resize="warp_bicubic",
    stored_size=224,
    mean=(123.68, 116.779, 103.939),
    channel_order="BGR",
    source="intel/neural-compressor, examples/onnxrt/image_recognition/onnx_model_zoo/alexnet/"
    "quantization/ptq_static/main.py, which the model zoo's table names",
)

# Its mean image is that of its training pictures, and not published; this is ImageNet's mean pixel.
PAPER = Preprocessing(
    resize="short_bicubic",
    stored_size=256,
    mean=TORCHVISION.mean,
    channel_order="RGB",
    source="the paper, section 2, with ImageNet's mean pixel of pytorch.org/vision",
)
SMALL = Preprocessing(
    resize="short_bicubic",
    stored_size=32,
    mean=(127.5,),
    pixel_scale=1 / 128,
    channel_order="RGB",
    source="experiments/configs/digits.py of this project, with the middle of 0 to 255 as the mean",
)
# Preprocessing of networks that are created, by preset; `PAPER` for those that are not named.
OF_PRESETS = {
    "caffe_alexnet": CAFFE,
    "caffenet": CAFFE,
    "owt": TORCHVISION,
    "small": SMALL,
}

TORCHVISION_MEASURED = Published(
    56.522, 79.066, "pytorch.org/vision, models.alexnet", "sha256:7be5be79"
)
CAFFE_MEASURED = {
    "caffe_alexnet": Published(
        57.1,
        80.2,
        "BVLC/caffe, models/bvlc_alexnet/readme.md",
        "sha1:9116a64c0fbe4459d18f4bb6b56d647b63920377",
    ),
    "caffenet": Published(
        57.4,
        80.4,
        "BVLC/caffe, models/bvlc_reference_caffenet/readme.md",
        "sha1:4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46",
    ),
}
ONNX_MEASURED = Published(
    54.80,
    78.23,
    "onnx/models, validated/vision/classification/alexnet/README.md, opset 12",
    "sha256:6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945",
)

# PyTorch's names of `owt`'s layers: torchvision/models/alexnet.py.
TORCHVISION_NAMES = {
    layer: (f"{name}.weight", f"{name}.bias")
    for layer, name in {
        "conv1": "features.0",
        "conv2": "features.3",
        "conv3": "features.6",
        "conv4": "features.8",
        "conv5": "features.10",
        "fc6": "classifier.1",
        "fc7": "classifier.4",
        "fc8": "classifier.6",
    }.items()
}
