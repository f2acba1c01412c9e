"""Constants of the layers that one kernel computes together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Norm:
    """Normalization over neighbouring maps.

    Attributes:
      n, k, alpha, beta: as in `local_response_norm`.
      width: maps of a block, which is normalized on its own and divides C; None: all maps.
    """

    n: int
    k: float
    alpha: float
    beta: float
    width: int | None = None


@dataclass(frozen=True)
class Tail:
    """Operations between a convolution's sums and max pooling 3x3/2.

    Attributes:
      rectify: whether max(x, 0) is taken.
      norm: normalization of that; None: none.
    """

    rectify: bool = False
    norm: Norm | None = None
