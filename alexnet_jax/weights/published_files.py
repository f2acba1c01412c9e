"""Files of weights that their publishers offer for download, with the digests that they state."""

from __future__ import annotations

from dataclasses import dataclass

from alexnet_jax.weights import published
from alexnet_jax.weights.published import Kind


@dataclass(frozen=True)
class PublishedFile:
    """File of weights at an address of its publisher.

    Attributes:
      kind: its kind, as `weights.load` takes it.
      address: where the publisher offers it.
      digest: "sha256:..." or "sha1:...", as many digits of the file's hash as the publisher states.
      source: where the publisher states address and digest.
      licence: what the publisher says of its use.
      size: bytes; 0 where it is not known to the byte.
    """

    kind: Kind
    address: str
    digest: str
    source: str
    licence: str
    size: int = 0

    @property
    def file(self) -> str:
        """Name of the file, the last part of its address."""
        return self.address.rpartition("/")[2]


def _of_the_model_zoo(name: str, digest: str, size: int) -> PublishedFile:
    """Describe a file of ONNX's model zoo.

    Its repository states the digests and says that the files, no longer offered there, have moved
    to the organization of this address, where each has a repository of its own name.
    """
    return PublishedFile(
        kind="onnx",
        address=f"https://huggingface.co/onnxmodelzoo/{name}/resolve/main/{name}.onnx",
        digest=digest,
        source="onnx/models, README.md and ONNX_HUB_MANIFEST.json",
        licence="BSD-3-Clause",
        size=size,
    )


# Guerzhoy's bvlc_alexnet.npy is not among them: no digest of it is published.
PUBLISHED_FILES: dict[str, PublishedFile] = {
    # In names that PyTorch gives to such files, the digits begin their SHA-256.
    "torchvision": PublishedFile(
        kind="torchvision",
        address="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        digest=published.TORCHVISION_MEASURED.digest,
        source="pytorch/vision, torchvision/models/alexnet.py",
        licence="not stated; that of the library is BSD-3-Clause",
        size=244_408_911,
    ),
    "caffe_alexnet": PublishedFile(
        kind="caffe",
        address="http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",
        digest=published.CAFFE_MEASURED["caffe_alexnet"].digest,
        source="BVLC/caffe, models/bvlc_alexnet/readme.md",
        licence="unrestricted use",
    ),
    "caffenet": PublishedFile(
        kind="caffe",
        address="http://dl.caffe.berkeleyvision.org/bvlc_reference_caffenet.caffemodel",
        digest=published.CAFFE_MEASURED["caffenet"].digest,
        source="BVLC/caffe, models/bvlc_reference_caffenet/readme.md",
        licence="unrestricted use",
    ),
    "onnx_alexnet": _of_the_model_zoo(
        "bvlcalexnet-12", published.ONNX_MEASURED.digest, 243_863_787
    ),
    "onnx_caffenet": _of_the_model_zoo(
        "caffenet-12",
        "sha256:ea563e5c47d1f58e1717cf1a2d8bf288b8adc07af0ad228b622096cd243aeecb",
        243_863_798,
    ),
}
