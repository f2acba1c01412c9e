"""Races of rates: where an error is reached, and which rate is best."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexnet_jax.cli.configs import load_config
from alexnet_jax.paper.trainings import Plan, Training
from alexnet_jax.paper.trainings.plan import Run
from alexnet_jax.paper.trainings.race import best_rate, crossing, run_race, windows
from alexnet_jax.runs.config import TrainConfig


def lines_of(errors: list[float], every: int = 10) -> list[Any]:
    """Lines of training metrics at steps `every`, 2 `every`, ..., with test lines between them."""
    found = []
    for number, error in enumerate(errors, 1):
        found.append({"step": every * number, "split": "train", "top1": 1 - error, "loss": 1.0})
        found.append({"step": every * number, "split": "test", "top1": 0.0, "loss": 1.0})
    return [line | {"top5": 1.0, "images_per_second": 1.0} for line in found]


RACE = TrainConfig(name="r", data="d", steps=80, log_every=10, evaluate_every=20)


def test_windows_by_hand() -> None:
    """Pairs of errors .5, .3, .2, .3: means .4, .25 and .25, around steps 15, 25 and 35."""
    lines = lines_of([0.5, 0.3, 0.2, 0.3])
    found = [(w.step, w.last, round(w.error, 9)) for w in windows(lines, 2)]
    assert found == [(15, 20, 0.4), (25, 30, 0.25), (35, 40, 0.25)]
    first = crossing(lines, RACE)
    assert first is not None
    assert (first.step, first.last) == (25, 30)
    assert crossing(lines[:4], RACE) is None
    assert crossing([], RACE) is None


# A race of runs that take 20 steps an evaluation and at most 200.
SETTINGS = {"steps": "200", "log_every": "10", "evaluate_every": "20"}


def race(workdir: Path, arrives: Callable[[float, int], float]) -> tuple[float | None, Any]:
    """Run a race whose runs fall to 25 % at the step that `arrives` has for (rate, seed).

    Returns:
      The best rate, and the steps to which each (rate, seed) was trained.
    """
    training = Training("relu", "cifar_19pct", "a race", rates=(0.001, 0.0005, 0.002))
    plan, trained = Plan(workdir, load_config, SETTINGS), dict[tuple[float, int], int]()

    def advance(run: Run, steps: int) -> None:
        directory = plan.directory(run)
        directory.mkdir(parents=True, exist_ok=True)
        assert run.rate is not None
        arrival = arrives(run.rate, run.seed)
        errors = [0.9 if 10 * n < arrival else 0.1 for n in range(1, steps // 10 + 1)]
        (directory / "metrics.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines_of(errors))
        )
        key = (run.rate, run.seed)
        trained[key] = max(steps, trained.get(key, 0))

    run_race(training, plan, advance)
    return best_rate(training, plan, plan.rates(training)), trained


def test_the_first_to_arrive_is_best(tmp_path: Path) -> None:
    """The middle rate: others stop where it arrived; other seeds go on until they arrive."""
    best, trained = race(tmp_path, lambda rate, seed: 80 + 40 * seed if rate == 0.001 else 130)
    assert best == 0.001
    assert trained == {
        (0.0005, 0): 100, (0.001, 0): 100, (0.002, 0): 100, (0.001, 1): 140, (0.001, 2): 180,
    }  # fmt: skip


def test_the_best_has_a_worse_rate_on_either_side(tmp_path: Path) -> None:
    """The race is extended by factors of two until it has."""
    best, trained = race(tmp_path, lambda rate, seed: 20 + 1e4 * abs(rate - 0.008))
    assert best == 0.008
    assert {rate for rate, _ in trained} == {0.0005, 0.001, 0.002, 0.004, 0.008, 0.016}
    best, trained = race(tmp_path / "small", lambda rate, seed: 20 + 1e5 * abs(rate - 0.00025))
    assert best == 0.00025
    assert {rate for rate, _ in trained} == {0.000125, 0.00025, 0.0005, 0.001, 0.002}


def test_a_race_that_nobody_finishes(tmp_path: Path) -> None:
    """It ends at the last step, with the first seed; the likeliest rate wins a tie."""
    best, trained = race(tmp_path, lambda rate, seed: math.inf)
    assert best is None
    assert trained == dict.fromkeys([(0.001, 0), (0.0005, 0), (0.002, 0)], 200)
    assert race(tmp_path / "tie", lambda rate, seed: 20)[0] == 0.001
