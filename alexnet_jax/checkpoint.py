"""Checkpoints of a run with orbax: the only place that knows orbax."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax

from alexnet_jax.digests import tree_digests
from alexnet_jax.errors import InputError
from alexnet_jax.processes import by_first, together

Warn = Callable[[str], None]


class Checkpoints:
    """The checkpoints of a run, one directory a step, the latest and the best kept.

    Each holds named trees ("params", "opt", "loop", "stats"), so that prediction reads only what
    it needs, with a digest of every array beside them: orbax itself does not notice flipped bits.
    Several processes call every method together, and see one directory. Use as a context manager.
    """

    def __init__(self, directory: Path, *, keep: int = 2) -> None:
        from orbax.checkpoint import v1 as ocp

        self._directory = directory.absolute()
        self._damaged: list[int] = []
        policies = ocp.training.preservation_policies
        best = policies.BestN(get_metric_fn=lambda metrics: metrics["top1"], n=1)
        best.keep_checkpoints_without_metrics = False
        try:
            self._checkpointer = ocp.training.Checkpointer(
                self._directory,
                save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
                preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(keep), best]),
            )
        except ValueError as error:  # orbax reads the metrics of all steps at once
            raise InputError(
                f"{directory}: a step's metrics cannot be read ({_reason(error)}); "
                "move that step away to go on"
            ) from error

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._checkpointer.close()

    @property
    def steps(self) -> list[int]:
        """Steps there are, oldest first; whether they can be read is not known yet."""
        return [found.step for found in self._checkpointer.checkpoints]

    def best_step(self) -> int | None:
        """The step with the highest top-1 accuracy on the test split, the latest of equals."""
        scored = [
            (found.metrics["top1"], found.step)
            for found in self._checkpointer.checkpoints
            if found.metrics
        ]
        return max(scored)[1] if scored else None

    def save(
        self,
        step: int,
        trees: dict[str, Any],
        *,
        about: dict[str, Any],
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Writes the trees and returns when they are on disk; a step that is there stays.

        Steps that `load_newest` found damaged are first moved to `damaged/`, beside the
        checkpoints: they would stand in the way of the steps that are made again.
        """
        self._set_damaged_aside()
        if step in self.steps:
            return
        digests = {name: tree_digests(tree) for name, tree in trees.items()}
        saved = self._checkpointer.save_checkpointables(
            step, dict(trees), metrics=metrics, custom_metadata={"about": about, "digests": digests}
        )
        if not saved:
            raise RuntimeError(f"orbax declined to save step {step}; there are {self.steps}")

    def _set_damaged_aside(self) -> None:
        if not self._damaged:
            return
        by_first(self._move_damaged)
        self._damaged.clear()
        self._checkpointer.reload()

    def _move_damaged(self) -> None:
        aside = self._directory.with_name("damaged")
        aside.mkdir(exist_ok=True)
        for step in self._damaged:
            (self._directory / str(step)).rename(aside / f"{step}-{time.time_ns()}")

    def about(self, step: int) -> dict[str, Any]:
        """The description saved with a step. InputError if it has none."""
        return self._metadata(step)["about"]

    def _metadata(self, step: int) -> dict[str, Any]:
        try:
            found = self._checkpointer.checkpointables_metadata(step).custom_metadata
        except Exception as error:  # orbax raises many kinds for a damaged checkpoint
            raise InputError(f"checkpoint {step} cannot be read ({_reason(error)})") from error
        if not isinstance(found, dict) or not {"about", "digests"} <= set(found):
            raise InputError(f"checkpoint {step} has no description")
        return found

    def load(self, step: int, templates: dict[str, Any]) -> dict[str, Any]:
        """The named trees of a step as their templates describe them, every array verified.

        Raises:
          InputError: it cannot be read, has other shapes, or an array differs from its digest.
        """
        expected = together(lambda: self._metadata(step))["digests"]
        trees = together(lambda: self._read(step, templates))
        for name, tree in trees.items():
            _require_like(step, name, tree, templates[name])
            for path, found in tree_digests(tree).items():
                if expected.get(name, {}).get(path) != found:
                    raise InputError(f"checkpoint {step} is damaged: {name}/{path} has other bytes")
        return trees

    def _read(self, step: int, templates: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._checkpointer.load_checkpointables(step, dict(templates))
        except Exception as error:  # as above
            raise InputError(f"checkpoint {step} cannot be read ({_reason(error)})") from error

    def load_newest(
        self, templates: Callable[[dict[str, Any]], dict[str, Any]], warn: Warn
    ) -> tuple[int, dict[str, Any], dict[str, Any]] | None:
        """(step, trees, about) of the newest step that loads and verifies; None if there is none.

        `templates` makes the templates from a step's description. Damaged steps are passed over
        and named through `warn`.
        """
        for step in reversed(self.steps):
            try:
                about = together(partial(self.about, step))
            except InputError as error:
                self._pass_over(step, error, warn)
                continue
            asked = templates(about)  # what it refuses is no damage
            try:
                return step, self.load(step, asked), about
            except InputError as error:
                self._pass_over(step, error, warn)
        return None

    def _pass_over(self, step: int, error: InputError, warn: Warn) -> None:
        warn(f"{error}; trying the one before")
        self._damaged.append(step)


def _require_like(step: int, name: str, tree: Any, template: Any) -> None:
    """orbax may return other dtypes than asked for where its own metadata are lost."""
    asked = dict(jax.tree.leaves_with_path(template))
    for path, leaf in jax.tree.leaves_with_path(tree):
        want = asked[path]
        if (leaf.shape, leaf.dtype) != (want.shape, want.dtype):
            where = jax.tree_util.keystr(path, simple=True, separator="/")
            raise InputError(
                f"checkpoint {step} has {name}/{where} as {leaf.dtype} {leaf.shape}, "
                f"expected {want.dtype} {want.shape}"
            )


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
