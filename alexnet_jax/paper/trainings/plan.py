"""Runs of the trainings: their settings, and their directories."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alexnet_jax.paper.trainings.table import Training
from alexnet_jax.runs import Line, MetricsFile, TrainConfig, with_overrides


@dataclass(frozen=True)
class Run:
    """Run of a training from one seed; of a race, with one of its rates."""

    training: Training
    seed: int
    rate: float | None = None

    @property
    def name(self) -> str:
        """Name of the directory of this run's seeds, such as "19pct" or "relu_0.001"."""
        return self.training.name + ("" if self.rate is None else f"_{self.rate:g}")

    @property
    def label(self) -> str:
        """Words for messages."""
        rate = "" if self.rate is None else f", rate {self.rate:g}"
        return f"{self.training.name}{rate}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """Where and how runs are made.

    Attributes:
      workdir: directory of all runs; a run has the workdir `workdir/NAME/SEED`.
      load_config: function that returns a config of `train` by its name.
      changes: the user's changes to every run, as texts by name of the setting.
      seeds: number of runs of each training, from seeds 0, 1, ...; None: the training's own.
    """

    workdir: Path
    load_config: Callable[[str], TrainConfig]
    changes: dict[str, str] = dataclasses.field(default_factory=dict)
    seeds: int | None = None

    def seeds_of(self, training: Training) -> tuple[int, ...]:
        """Return the seeds of a training's runs."""
        return training.seeds if self.seeds is None else tuple(range(self.seeds))

    def config(self, run: Run) -> TrainConfig:
        """Return the settings of a run, equal to those of `train CONFIG --seed S --set ...`.

        Raises:
          InputError: changes of unknown settings or with invalid values.
        """
        settings = self.settings(run) | {"seed": str(run.seed)}
        return with_overrides(self.load_config(run.training.config), settings)

    def settings(self, run: Run) -> dict[str, str]:
        """Return a run's changes to its config but for the seed; the user's are applied last."""
        rate = {} if run.rate is None else {"learning_rate": f"{run.rate:g}"}
        return {**run.training.changes, **rate, **self.changes}

    def directory(self, run: Run) -> Path:
        """Return the workdir of a run."""
        return self.workdir / run.name / str(run.seed)

    def runs(self, training: Training) -> Iterator[Run]:
        """Yield the runs of a training: of a race, those that were begun, with all their rates."""
        if not training.rates:
            yield from (Run(training, seed) for seed in self.seeds_of(training))
            return
        for rate in self.rates(training):
            for seed in self.seeds_of(training):
                run = Run(training, seed, rate)
                if (self.directory(run) / "config.json").is_file():
                    yield run

    def first(self, training: Training) -> Run:
        """Return a training's run of its first seed; of a race, with the likeliest rate."""
        rate = training.rates[0] if training.rates else None
        return Run(training, self.seeds_of(training)[0], rate)

    def rates(self, training: Training) -> list[float]:
        """List the rates of a race, then those on disk with which it was extended."""
        prefix = f"{training.name}_"
        begun = (path.name.removeprefix(prefix) for path in self.workdir.glob(f"{prefix}*"))
        numbers = {float(text) for text in begun if re.fullmatch(r"\d+(\.\d+)?(e-\d+)?", text)}
        return [*training.rates, *sorted(numbers - set(training.rates))]

    def lines(self, run: Run) -> list[Line]:
        """Read the measurements of a run, none if it was not begun."""
        return MetricsFile(self.directory(run) / "metrics.jsonl", writing=False).read()
