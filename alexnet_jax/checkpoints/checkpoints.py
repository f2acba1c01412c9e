"""Checkpoints of a run with orbax: the only place that knows orbax."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax

from alexnet_jax.checkpoints import validation
from alexnet_jax.checkpoints.digests import tree_digests
from alexnet_jax.checkpoints.orbax_log import counters_unread
from alexnet_jax.checkpoints.retention import best_of, policy
from alexnet_jax.checkpoints.step_names import tolerant_names
from alexnet_jax.checkpoints.validation import reason
from alexnet_jax.checkpoints.writer import Writer, copied
from alexnet_jax.errors import InputError, SaveFailed
from alexnet_jax.runtime import by_first, said_by_first, together

Warn = Callable[[str], None]
FORMAT = 2  # 1 had no hash over the description


class Checkpoints:
    """The checkpoints of a run, one directory a step.

    The `keep` latest are kept, the best, and the first in every `every` steps, if that is not 0.
    `clean` removes what killed runs left half written: for the one that writes there.

    Each holds named trees ("params", "opt", "loop", "stats"), so that prediction reads only what
    it needs, with a digest of every array beside them: orbax itself does not notice flipped bits.
    Several processes call every method together, and see one directory. Use as a context manager.

    Every method but `look` first waits until what is being saved is on disk, and raises SaveFailed
    if it cannot be written; so does the end of the context.
    """

    def __init__(self, directory: Path, *, keep: int = 2, every: int = 0, clean: bool = False):
        from orbax.checkpoint import v1 as ocp

        self._directory = directory.absolute()
        self._damaged: list[int] = []
        self._failed = False
        self._top1: dict[int, float | None] = {}
        self._writer = Writer()
        self._checkpointer = ocp.training.Checkpointer(
            self._directory,
            save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
            preservation_policy=policy(keep, every, self._top1_of),
            step_name_format=tolerant_names(),
            cleanup_tmp_directories=clean,
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.wait()
        except SaveFailed as failed:
            if error is None:
                raise
            raise SaveFailed(f"{error}; {failed}") from error
        finally:
            self._writer.close()
            if not self._failed:  # else it would raise that again, or wait for its own threads
                self._checkpointer.close()

    def wait(self) -> None:
        """Returns when what is being saved is on disk."""
        self._writer.wait()

    def look(self) -> None:
        """Raises SaveFailed where that has come out by now; waits for nothing."""
        self._writer.look()

    @property
    def steps(self) -> list[int]:
        """Steps there are, oldest first; whether they can be read is not known yet."""
        self.wait()
        return self._steps()

    def _steps(self) -> list[int]:
        return [found.step for found in self._checkpointer.checkpoints]

    def best_step(self) -> int | None:
        """The step with the highest top-1 accuracy on the test split, the latest of equals."""
        return best_of(self.steps, self._top1_of)

    def _top1_of(self, step: int) -> float | None:
        """As it was measured when the step was saved; None where that cannot be read."""
        if step not in self._top1:
            try:
                self._top1[step] = (self._metadata(step).get("metrics") or {}).get("top1")
            except InputError:  # a damaged step is told when it is to be loaded
                return None
        return self._top1[step]

    def save(
        self,
        step: int,
        trees: dict[str, Any],
        *,
        about: dict[str, Any],
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Has a copy of the trees written while the caller goes on; a step that is there stays.

        Several processes return when it is on disk: what they tell each other needs an order.
        Steps that `load_newest` found damaged are first moved to `damaged/`, beside the
        checkpoints: they would stand in the way of the steps that are made again.

        Raises:
          InputError: the directory cannot be written, or was removed.
          SaveFailed: writing failed, as on a full disk, here or in a later call. The checkpoints
            before stay as they were.
        """
        self.wait()
        self._set_damaged_aside()
        if step in self.steps:
            return
        by_first(lambda: self._require_place(step))
        said = {"format": FORMAT, "about": about, "metrics": metrics}
        if jax.process_count() > 1:
            self._write(step, trees, said)
        else:
            held = copied(trees)
            self._writer.start(lambda: self._write(step, held, said))

    @counters_unread()
    def _write(self, step: int, trees: dict[str, Any], said: dict[str, Any]) -> None:
        digests = {name: tree_digests(tree) for name, tree in trees.items()}
        metadata = validation.with_checksum(said | {"digests": digests})
        self._top1[step] = (said["metrics"] or {}).get("top1")
        try:
            saved = self._checkpointer.save_checkpointables(
                step, dict(trees), custom_metadata=metadata
            )
        except Exception as error:  # orbax raises many kinds
            self._failed = True
            raise SaveFailed(self._not_saved(step, reason(error))) from error
        if not saved:
            raise RuntimeError(f"orbax declined to save step {step}; there are {self._steps()}")

    def _require_place(self, step: int) -> None:
        """Before orbax does: where it cannot make a directory, its threads wait for ten minutes."""
        probe = self._directory / f"{step}.probe"
        try:
            probe.mkdir(exist_ok=True)  # one may be left of a run that was killed here
            probe.rmdir()
        except OSError as error:
            raise InputError(self._not_saved(step, error.strerror or str(error))) from error

    def _not_saved(self, step: int, reason: str) -> str:
        there = [found for found in self._steps() if (self._directory / str(found)).is_dir()]
        last = f"step {there[-1]} is the last one there" if there else "none is there"
        return (
            f"step {step} could not be saved in {self._directory} ({reason}); {last}. Once that is "
            "mended, the same command goes on"
        )

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
        self.wait()
        found = self._metadata(step)
        validation.require_format(step, found, FORMAT)
        return found["about"]

    def _metadata(self, step: int) -> dict[str, Any]:
        try:
            found = self._checkpointer.checkpointables_metadata(step).custom_metadata
        except Exception as error:  # orbax raises many kinds for a damaged checkpoint
            raise InputError(f"checkpoint {step} cannot be read ({reason(error)})") from error
        validation.require_checksum(step, found)
        return found

    def load(self, step: int, templates: dict[str, Any]) -> dict[str, Any]:
        """The named trees of a step as their templates describe them, every array verified.

        Raises:
          InputError: it cannot be read, has other shapes, or an array differs from its digest.
        """
        self.wait()
        metadata = together(lambda: self._metadata(step))
        validation.require_format(step, metadata, FORMAT)
        trees = together(lambda: self._read(step, templates))
        for name, tree in trees.items():
            validation.require_like(step, name, tree, templates[name])
            for path, found in tree_digests(tree).items():
                if metadata["digests"].get(name, {}).get(path) != found:
                    raise InputError(f"checkpoint {step} is damaged: {name}/{path} has other bytes")
        return trees

    def _read(self, step: int, templates: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._checkpointer.load_checkpointables(step, dict(templates))
        except Exception as error:  # as above
            raise InputError(f"checkpoint {step} cannot be read ({reason(error)})") from error

    def load_newest(
        self, templates: Callable[[dict[str, Any]], dict[str, Any]], warn: Warn
    ) -> tuple[int, dict[str, Any], dict[str, Any]] | None:
        """(step, trees, about) of the newest step that loads and verifies; None if there is none.

        `templates` makes the templates from a step's description. Damaged steps are passed over
        and named through `warn`. A training may write and remove steps meanwhile.

        Raises:
          InputError: the newest one is of another version.
        """
        while left := [step for step in self.steps if step not in self._damaged]:
            step = left[-1]
            try:
                found = together(partial(self._metadata, step))
            except InputError as error:
                self._pass_over(step, error, warn)
                continue
            validation.require_format(step, found, FORMAT)
            asked = templates(found["about"])  # what it refuses is no damage
            try:
                return step, self.load(step, asked), found["about"]
            except InputError as error:
                self._pass_over(step, error, warn)
        return None

    def _pass_over(self, step: int, error: InputError, warn: Warn) -> None:
        """Unless there is a newer one by now: then this one was removed, not damaged."""
        self._checkpointer.reload()
        left = [found for found in self.steps if found not in self._damaged]
        if said_by_first(max(left, default=0)) > step:
            return
        warn(f"{error}; trying the one before")
        self._damaged.append(step)
