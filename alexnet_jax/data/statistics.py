"""Mean image and colour statistics of a training split, from exact sums."""

from __future__ import annotations

import numpy as np

from alexnet_jax.data.dataset import Dataset, Split

_CHUNK = 1024  # images read at a time
_PLACES = 2**16  # whose products of values up to 255 add up to less than 2^32
_PENDING = 257  # values up to 255 add up to less than 2^16


class Sums:
    """Sums of pixels and of products of their colours over images, as whole numbers.

    Whole numbers add up to the same in any order, so sums over parts of a split, taken anywhere,
    make the statistics of the whole to the last bit.

    Attributes:
      count: images.
      image: [S, S, C] int64, sum over images.
      products: [C, C] int64, sum over images and places of x_c x_d, for c >= d.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.products = np.zeros((shape[-1], shape[-1]), np.int64)
        self._image = np.zeros(shape, np.int64)
        # A few images are added in 16 bits, which takes a ninth of the time.
        self._pending, self._few = 0, np.zeros(shape, np.uint16)

    @property
    def image(self) -> np.ndarray:
        self._image += self._few
        self._pending, self._few[:] = 0, 0
        return self._image

    def add(self, images: np.ndarray) -> None:
        """Counts [B, S, S, C] uint8 in."""
        self.count += len(images)
        for image in images:
            if self._pending == _PENDING:
                self._image += self._few
                self._pending, self._few[:] = 0, 0
            self._few += image
            self._pending += 1
            places = image.reshape(-1, image.shape[-1])
            for start in range(0, len(places), _PLACES):
                # No product of matrices: BLAS's threads cost more than they bring.
                planes = places[start : start + _PLACES].T.astype(np.uint32, order="C")
                for c, plane in enumerate(planes):
                    for d in range(c + 1):
                        self.products[c, d] += int(np.einsum("i,i->", plane, planes[d]))

    def merge(self, count: int, image: np.ndarray, products: np.ndarray) -> None:
        """Counts the sums over other images in."""
        self.count += count
        self._image += image
        self.products += products

    def statistics(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `pixel_statistics`."""
        places = self._image.shape[0] * self._image.shape[1]
        pixels = self.count * places
        # In Python's whole numbers, which do not overflow: pixels^2 times the covariance.
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
    """Mean image, and eigenvectors and standard deviations of the pixels' colours.

    The covariance is of all pixels' C values around their own mean. Eigenvectors are columns,
    largest deviation first, each with its largest component positive (the sign is free).

    Returns:
      [S, S, C], [C, C], [C] float32, in units of 0 to 255.

    Source: paper section 4.1; `make-data` of the later source for the standard deviations.
    """
    sums = Sums(split.images.shape[1:])
    for start in range(0, len(split), _CHUNK):
        sums.add(split.images[start : start + _CHUNK])
    return sums.statistics()


def statistics_of(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`pixel_statistics` of the training split: those that came with the data, or computed."""
    return dataset.statistics or pixel_statistics(dataset.train)
