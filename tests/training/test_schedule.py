"""The plateau rule and the schedules of the learning rate, by hand."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.reference import assert_close

from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.schedule import Plateau, learning_rate_at, plateau_update

PLATEAUS = [
    # patience 2: an equal error is no improvement; counting starts anew after a drop
    (2, [(0.5, 0.5, 0, 0), (0.4, 0.4, 0, 0), (0.4, 0.4, 1, 0), (0.45, 0.4, 0, 1),
         (0.41, 0.4, 1, 1), (0.3, 0.3, 0, 1), (0.3, 0.3, 1, 1), (0.3, 0.3, 0, 2),
         (0.3, 0.3, 1, 2), (0.3, 0.3, 0, 3)]),
    (1, [(0.5, 0.5, 0, 0), (0.5, 0.5, 0, 1), (0.4, 0.4, 0, 1), (0.6, 0.4, 0, 2)]),
    # patience 3: an improvement after two stalls forgets them
    (3, [(0.5, 0.5, 0, 0), (0.6, 0.5, 1, 0), (0.6, 0.5, 2, 0), (0.4, 0.4, 0, 0),
         (0.5, 0.4, 1, 0), (0.5, 0.4, 2, 0), (0.5, 0.4, 0, 1)]),
    # an error that is no number never improves
    (2, [(float("nan"), np.inf, 1, 0), (float("nan"), np.inf, 0, 1), (0.9, 0.9, 0, 1)]),
]  # fmt: skip


@pytest.mark.parametrize("place", [lambda x: x, jnp.asarray], ids=["host", "device"])
@pytest.mark.parametrize(("patience", "rows"), PLATEAUS)
def test_plateau_by_hand(
    patience: int, rows: list[tuple[float, float, int, int]], place: Callable[[Any], Any]
) -> None:
    plateau = Plateau.start()
    for error, best, stalled, drops in rows:
        plateau = plateau_update(jax.tree.map(place, plateau), error, patience=patience)
        assert float(plateau.best_error) == np.float32(best)
        assert (int(plateau.stalled), int(plateau.drops)) == (stalled, drops)
        assert [x.dtype for x in plateau] == [np.float32, np.int32, np.int32]


def rates(schedule: str, epochs: tuple[float, ...], steps: Any, drops: int, spe: float) -> Any:
    """learning_rate_at for every one of `steps`, traced, at a base rate of .02."""
    config = TrainConfig(
        name="t", data="d", steps=1, learning_rate=0.02, schedule=schedule, drop_epochs=epochs
    )
    at = jax.jit(jax.vmap(lambda step: learning_rate_at(config, step, jnp.int32(drops), spe)))
    return at(jnp.asarray(steps, jnp.int32))


@pytest.mark.parametrize("drops", [0, 1, 3])
def test_constant_and_plateau_rates(drops: int) -> None:
    """Neither looks at the step; only the plateau looks at its drops."""
    steps = [0, 1, 1000, 2**31 - 1]
    constant = rates("constant", (), steps, drops, 10.0)
    plateau = rates("plateau", (), steps, drops, 10.0)
    assert constant.dtype == plateau.dtype == jnp.float32
    assert_close(constant, np.full(4, 0.02), 1e-7)
    assert_close(plateau, np.full(4, 0.02 / 10**drops), 1e-6)


@pytest.mark.parametrize(
    ("epochs", "steps_per_epoch", "places"),
    [
        ((2.0, 3.5), 1437 / 64, (45, 79)),  # 44.9, 78.6
        ((2.0, 4.0, 5.0), 10.0, (20, 40, 50)),  # on the dot
        ((0.5,), 7.0, (4,)),
        ((0.01, 0.02), 10.0, (1, 1)),  # both before the second update
    ],
)
def test_rate_drops_at_the_first_update_of_its_epoch(
    epochs: tuple[float, ...], steps_per_epoch: float, places: tuple[int, ...]
) -> None:
    """The update that follows ceil(epoch * steps_per_epoch) others is the first with the rate."""
    steps = np.arange(100)
    drops = sum((steps >= place).astype(int) for place in places)
    found = rates("epochs", epochs, steps, 5, steps_per_epoch)  # the plateau's 5 do not count
    np.testing.assert_allclose(np.asarray(found, np.float64), 0.02 / 10.0**drops, rtol=1e-6)


def test_a_drop_beyond_all_steps_never_comes() -> None:
    assert_close(rates("epochs", (1e9,), [0, 2**30], 0, 22.5), [0.02, 0.02], 1e-7)
