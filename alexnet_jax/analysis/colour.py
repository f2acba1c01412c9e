"""Colour of the first layer's kernels, and whether one tower has more of it than chance gives.

The paper (section 6.1): the kernels on one GPU are largely colour-agnostic, those on the other
largely colour-specific, in every run, whatever the random initialization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alexnet_jax.errors import InputError

DRAWS = 20_000
NOISE = 2 / 3  # mean index of kernels of independent normal values


def colour_index(kernel: np.ndarray) -> np.ndarray:
    """Return the share of each kernel's energy that lies off the grey axis, in [0, 1].

        c = 1 - sum_p (w_p . g)^2 / sum_p |w_p|^2,    g = (1, 1, 1) / sqrt(3)

    w_p are the three weights of pixel p. A pixel's weights are the sum of a grey part, along g, and
    a coloured part, at a right angle to it, whose energies add up to the whole: c is the coloured
    part's share. The two ends say what the kernel answers to. At c = 0 the three channels have the
    same weights, and its response is that to the grey picture of the channels' means. At c = 1 the
    weights of every pixel sum to 0, and its response to any grey picture is 0. c depends neither
    on the sign nor on the length of the kernel. Channels' means over the pixels are not removed:
    they are most of a blob of one colour. A kernel of noise that learnt nothing has c near 2/3,
    the share of the two coloured dimensions; a kernel of zeros is given 0.

    Args:
      kernel: [H, W, 3, M] floating.

    Returns:
      [M] float64.

    Raises:
      InputError: a kernel of another number of channels.
    """
    if kernel.ndim != 4 or kernel.shape[2] != 3:
        raise InputError(f"kernels must be [H, W, 3, M], red, green and blue; got {kernel.shape}")
    weights = kernel.astype(np.float64)
    energy = np.square(weights).sum((0, 1, 2))
    # The coloured part itself, not 1 - grey / energy, keeps equal channels at exactly 0.
    coloured = np.square(weights - weights.mean(2, keepdims=True)).sum((0, 1, 2))
    return coloured / np.where(energy > 0, energy, 1)


class Contrast(NamedTuple):
    """Difference of two towers' mean colour index, beside that of kernels dealt at random.

    Attributes:
      difference: mean of tower 0 minus mean of tower 1. The towers are exchangeable before a
        training, so that its sign means nothing.
      chance: mean of |difference| over random divisions of the same kernels among the towers.
      p: share of random divisions whose |difference| is at least as large, (1 + count) / (1 +
        draws).
    """

    difference: float
    chance: float
    p: float


def tower_contrast(index: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Contrast:
    """Compare the colour of two towers' kernels by a permutation test.

    Args:
      index: [2, M] colour index of the kernels of each tower.
      draws: number of random divisions.
      seed: seed of these.
    """
    difference = float(index[0].mean() - index[1].mean())
    sizes = np.abs(_divided(index, draws, np.random.default_rng(seed)))
    return Contrast(difference, float(sizes.mean()), _share(sizes, abs(difference)))


def combined_p(indices: Sequence[np.ndarray], draws: int = DRAWS, seed: int = 0) -> float:
    """Test by permutation whether towers differ in colour over several networks together.

    The statistic is the sum of |difference| over the networks; the kernels of each are divided at
    random among its own towers.

    Args:
      indices: [2, M] colour index of the kernels of each tower, of each network.

    Returns:
      Share of the draws whose sum is at least as large, (1 + count) / (1 + draws).
    """
    random = np.random.default_rng(seed)
    sums = sum(np.abs(_divided(index, draws, random)) for index in indices)
    whole = sum(abs(float(index[0].mean() - index[1].mean())) for index in indices)
    return _share(np.asarray(sums), whole)


def _divided(index: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    """Return the difference of the means of two halves for each random division: [draws]."""
    shuffled = random.permuted(np.tile(index.reshape(-1), (draws, 1)), axis=1)
    halves = shuffled.reshape(draws, 2, -1).mean(2)
    return np.asarray(halves[:, 0] - halves[:, 1])


def _share(drawn: np.ndarray, observed: float) -> float:
    """Return (1 + number of draws that are not smaller) / (1 + draws)."""
    least = observed * (1 - 1e-9)  # the same division, summed in another order, counts
    return float((1 + np.count_nonzero(drawn >= least)) / (1 + len(drawn)))
