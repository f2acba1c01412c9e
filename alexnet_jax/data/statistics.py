"""Mean image and colour statistics of a training split, computed from exact integer sums."""

from __future__ import annotations

import numpy as np

from alexnet_jax.data.dataset import Dataset, Split

_CHUNK = 1024  # images read at a time
_PIXELS = 2**16  # pixels at a time; their products, each up to 255^2, sum to less than 2^32
_PENDING = 257  # images at a time; their values, each up to 255, sum to less than 2^16


class Sums:
    """Integer sums of pixels, and of products of their colours, over images.

    Integer sums do not depend on the order, so sums over parts of a split, computed by any process,
    combine to exactly the same statistics, to the last bit.

    Attributes:
      count: number of images.
      image: [S, S, C] int64, sum over images.
      products: [C, C] int64, sum over images and pixels of x_c x_d, for c >= d.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.products = np.zeros((shape[-1], shape[-1]), np.int64)
        self._image = np.zeros(shape, np.int64)
        # Up to 257 images are summed in 16 bits, which takes a ninth of the time.
        self._pending, self._few = 0, np.zeros(shape, np.uint16)

    @property
    def image(self) -> np.ndarray:
        """Sum over images, [S, S, C] int64."""
        self._image += self._few
        self._pending, self._few[:] = 0, 0
        return self._image

    def add(self, images: np.ndarray) -> None:
        """Add images [B, S, S, C] uint8."""
        self.count += len(images)
        for image in images:
            if self._pending == _PENDING:
                self._image += self._few
                self._pending, self._few[:] = 0, 0
            self._few += image
            self._pending += 1
            pixels = image.reshape(-1, image.shape[-1])
            for start in range(0, len(pixels), _PIXELS):
                # Not a matrix product, since BLAS's threads cost more than they save.
                planes = pixels[start : start + _PIXELS].T.astype(np.uint32, order="C")
                for c, plane in enumerate(planes):
                    for d in range(c + 1):
                        self.products[c, d] += int(np.einsum("i,i->", plane, planes[d]))

    def merge(self, count: int, image: np.ndarray, products: np.ndarray) -> None:
        """Add the sums over other images."""
        self.count += count
        self._image += image
        self.products += products

    def statistics(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute the result of `pixel_statistics` from the sums."""
        pixels = self.count * self._image.shape[0] * self._image.shape[1]
        # The numerators are exact: Python's integers do not overflow.
        image = self.image
        colours = [int(value) for value in image.sum((0, 1))]
        covariance = np.array(
            [
                [(pixels * int(product) - colours[c] * colours[d]) / pixels**2
                 for d, product in enumerate(row)]
                for c, row in enumerate(self.products)
            ]
        )  # fmt: skip
        values, vectors = np.linalg.eigh(covariance, UPLO="L")
        values, vectors = values[::-1], vectors[:, ::-1]
        largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0, keepdims=True), 0)
        vectors = vectors * np.sign(largest)
        deviations = np.sqrt(np.maximum(values, 0))
        mean = image / self.count
        return mean.astype(np.float32), vectors.astype(np.float32), deviations.astype(np.float32)


def pixel_statistics(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the mean image, and eigenvectors and standard deviations of the pixels' colours.

    The covariance matrix is that of the C values of all pixels, around their mean over all pixels.
    Eigenvectors are columns, in order of decreasing deviation. Their sign is arbitrary; the largest
    component of each is made positive.

    Returns:
      Mean image [S, S, C], eigenvectors [C, C] and deviations [C], float32, for pixels 0 to 255.

    Source: paper section 4.1; `make-data` of the later source for the standard deviations.
    """
    sums = Sums(split.images.shape[1:])
    for start in range(0, len(split), _CHUNK):
        sums.add(split.images[start : start + _CHUNK])
    return sums.statistics()


def statistics_of(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `pixel_statistics` of the training split: those stored with the data, or computed."""
    return dataset.statistics or pixel_statistics(dataset.train)
