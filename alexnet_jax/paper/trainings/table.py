"""Trainings on one data set as data, and what a report of them compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from alexnet_jax.data import Dataset

Library = Literal["jax", "torch"]
Measure = Literal["error", "error_ten_views", "top5_error", "top5_error_ten_views"]
MEASURES: dict[Measure, str] = {
    "error": "centre view",
    "error_ten_views": "ten views",
    "top5_error": "centre view, top-5",
    "top5_error_ten_views": "ten views, top-5",
}


@dataclass(frozen=True)
class Training:
    """Training of a network from several seeds.

    Attributes:
      name: name of the training and of the directory of its runs.
      config: config of `train` that it begins with.
      says: what is trained, in a few words.
      then: what was found in 2011 and 2012, with its data and views.
      changes: changes to the config, as texts by name of the setting, as `train --set` takes them.
      seeds: seeds of its runs.
      views: numbers of views of a test image with which its networks are tested.
      rates: learning rates to choose among, the likeliest first. A training with rates is a race:
        each run ends once its training error has fallen to 25 %, and `steps` is its limit. Empty:
        the config's rate, all steps.
      library: library that computes it.
      optional: whether it is trained only if it is asked for by name, since it takes long.
    """

    name: str
    config: str
    says: str
    then: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    views: tuple[int, ...] = (1,)
    rates: tuple[float, ...] = ()
    library: Library = "jax"
    optional: bool = False


@dataclass(frozen=True)
class Baseline:
    """Classifier that a network should beat.

    Attributes:
      name: its name, and that of its file in the workdir.
      says: what it is, in a few words.
      accuracy: function of the data set that returns the test accuracy, in [0, 1].
    """

    name: str
    says: str
    accuracy: Callable[[Dataset], float]


@dataclass(frozen=True)
class Difference:
    """Difference of a measure, `more` minus `less`, between runs of two trainings, by seed."""

    more: str
    less: str
    measure: Measure
    says: str


@dataclass(frozen=True)
class Ratio:
    """Ratio of the epochs that two races took to 25 % training error, `slow` / `fast`.

    Attributes:
      slow, fast: names of the races.
      units: words for what the networks of the two differ in, in the same order.
      then: what was found in 2012.
    """

    slow: str
    fast: str
    units: tuple[str, str]
    then: str


@dataclass(frozen=True)
class Section:
    """Part of a table's record and report that other tables do not have.

    Attributes:
      name: key in the record.
      measure: function of a run's directories by training and seed that returns a JSON value.
      format: function of that value that returns Markdown.
    """

    name: str
    measure: Callable[[Mapping[str, Mapping[int, Path]]], Any]
    format: Callable[[Any], str]


@dataclass(frozen=True)
class Table:
    """Trainings on one data set.

    Attributes:
      name: name of the data set and of the command.
      title: name of the data set in words.
      measures: errors of a run that are recorded.
      trainings: the trainings, in the order of the report.
      baselines: classifiers that are measured beside them.
      differences: differences that the report lists.
      ratios: ratios that it lists.
      base: name of the training that ablations are compared with; "" for none.
      ablations: names of trainings whose errors are subtracted from those of `base`.
      sections: further parts.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    trainings: tuple[Training, ...]
    baselines: tuple[Baseline, ...]
    differences: tuple[Difference, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    base: str = ""
    ablations: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def training(self, name: str) -> Training:
        """Return a training by its name."""
        return next(one for one in self.trainings if one.name == name)
