"""Checkpoints of a run, written and read with orbax; no other package imports orbax."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax

from alexnet_jax.checkpoints import validation
from alexnet_jax.checkpoints.conditions import probe
from alexnet_jax.checkpoints.digests import tree_digests
from alexnet_jax.checkpoints.orbax_log import counters_unread
from alexnet_jax.checkpoints.retention import best_of
from alexnet_jax.checkpoints.step_names import set_aside
from alexnet_jax.checkpoints.storage import make_checkpointer
from alexnet_jax.checkpoints.validation import reason
from alexnet_jax.checkpoints.writer import Writer, copied
from alexnet_jax.errors import InputError, SaveFailed
from alexnet_jax.runtime import broadcast_from_first, on_all_processes, on_first_process

Warn = Callable[[str], None]
FORMAT = 2  # format 1 had no hash of the description


class Checkpoints:
    """Checkpoints of a run, one directory per step; use as a context manager.

    The newest `keep` are kept, the best, and the first of every `every` steps unless that is 0.
    `clean`, for the run that writes them, removes partial checkpoints left by killed runs.

    Each has named trees ("params", "opt", "loop", "stats"), so that prediction reads only those it
    needs, and a digest of every array, since orbax does not detect flipped bits. If there are
    several processes, all must call every method together and see the same directory.

    Every method except `raise_if_failed`, and the end of the context, first waits for a save in
    progress to be on disk, and raises SaveFailed if it cannot be written.
    """

    def __init__(self, directory: Path, *, keep: int = 2, every: int = 0, clean: bool = False):
        self._directory = validation.utf8(directory.absolute())
        self._damaged: list[int] = []
        self._top1: dict[int, float | None] = {}
        self._unread: dict[int, InputError] = {}  # steps whose top-1 cannot be read
        self._failed, self._writer = False, Writer()
        self._checkpointer = make_checkpointer(
            self._directory, keep=keep, every=every, top1_of=self._top1_of, clean=clean
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
            if not self._failed:  # else closing raises the error again, or waits for its threads
                self._checkpointer.close()

    def wait(self) -> None:
        """Wait until a save in progress is on disk."""
        self._writer.wait()

    def raise_if_failed(self) -> None:
        """Raise SaveFailed if a save has failed by now; do not wait."""
        self._writer.raise_if_failed()

    @property
    def steps(self) -> list[int]:
        """Steps that have a checkpoint, oldest first; some may be damaged."""
        self.wait()
        return self._steps()

    def _steps(self) -> list[int]:
        return [checkpoint.step for checkpoint in self._checkpointer.checkpoints]

    def best_step(self, warn: Warn = lambda text: None) -> int | None:
        """Return the step with the highest top-1 on the test split, the latest of equals.

        `warn` gets a message for each step whose top-1 cannot be read.
        """
        best = best_of(self.steps, self._top1_of)
        if self._unread:  # some of them may have been removed by a training
            self._checkpointer.reload()
        for step in sorted(set(self.steps) & set(self._unread)):
            warn(f"{self._unread[step]}; its top-1 is not known")
        return best

    def _top1_of(self, step: int) -> float | None:
        """Return the top-1 measured when a step was saved, or None if it cannot be read."""
        if step not in self._top1:
            try:
                self._top1[step] = (self._metadata(step).get("metrics") or {}).get("top1")
            except InputError as error:
                self._unread[step] = error
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
        """Write a copy of the trees in the background; do nothing if the step is saved already.

        With several processes, return only when it is on disk, so that their messages to each
        other keep one order. Steps that `load_newest` found damaged are first moved to `damaged/`
        beside the checkpoints, so that they can be saved again.

        Raises:
          InputError: the directory cannot be written, or was removed.
          SaveFailed: writing failed, as on a full disk; raised here or by a later call. Earlier
            checkpoints are unchanged.
        """
        self.wait()
        self._set_damaged_aside()
        if step in self.steps:
            return
        on_first_process(lambda: self._require_writable(step))
        description = {"format": FORMAT, "about": about, "metrics": metrics}
        if jax.process_count() > 1:
            self._write(step, trees, description)
        else:
            self._writer.start(partial(self._write, step, copied(trees), description))

    @counters_unread()
    def _write(self, step: int, trees: dict[str, Any], description: dict[str, Any]) -> None:
        digests = {name: tree_digests(tree) for name, tree in trees.items()}
        metadata = validation.with_checksum(description | {"digests": digests})
        self._top1[step] = (description["metrics"] or {}).get("top1")
        try:
            saved = self._checkpointer.save_checkpointables(
                step, dict(trees), custom_metadata=metadata
            )
        except Exception as error:  # orbax raises many kinds
            self._failed = True
            raise SaveFailed(self._not_saved(step, reason(error))) from error
        if not saved:
            raise RuntimeError(f"orbax declined to save step {step}; there are {self._steps()}")

    def _require_writable(self, step: int) -> None:
        try:
            probe(self._directory, step)
        except OSError as error:
            raise InputError(self._not_saved(step, error.strerror or str(error))) from error

    def _not_saved(self, step: int, reason: str) -> str:
        steps = [saved for saved in self._steps() if (self._directory / str(saved)).is_dir()]
        last = f"step {steps[-1]} is the last one there" if steps else "none is there"
        return (
            f"step {step} could not be saved in {self._directory} ({reason}); {last}. Once that is "
            "mended, the same command resumes"
        )

    def _set_damaged_aside(self) -> None:
        if self._damaged:
            on_first_process(partial(set_aside, self._directory, self._damaged))
            self._damaged.clear()
            self._checkpointer.reload()

    def about(self, step: int) -> dict[str, Any]:
        """Return the description saved with a step; raise InputError if it cannot be read."""
        self.wait()
        metadata = self._metadata(step)
        validation.require_format(step, metadata, FORMAT)
        return metadata["about"]

    def _metadata(self, step: int) -> dict[str, Any]:
        try:
            metadata = self._checkpointer.checkpointables_metadata(step).custom_metadata
        except Exception as error:  # orbax raises many kinds for a damaged checkpoint
            raise InputError(f"checkpoint {step} cannot be read ({reason(error)})") from error
        validation.require_checksum(step, metadata)
        return metadata

    def load(self, step: int, templates: dict[str, Any]) -> dict[str, Any]:
        """Read the named trees of a step into the form of their templates; verify every array.

        Raises:
          InputError: a tree cannot be read or differs from its template in shape or dtype, or an
            array differs from its digest.
        """
        self.wait()
        metadata = on_all_processes(lambda: self._metadata(step))
        validation.require_format(step, metadata, FORMAT)
        return self._load(step, metadata, templates)

    def _load(
        self, step: int, metadata: dict[str, Any], templates: dict[str, Any]
    ) -> dict[str, Any]:
        trees = on_all_processes(lambda: self._read(step, templates))
        for name, tree in trees.items():
            validation.require_like(step, name, tree, templates[name])
            for path, digest in tree_digests(tree).items():
                if metadata["digests"].get(name, {}).get(path) != digest:
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
        """Return (step, trees, about) of the newest undamaged step, or None if there is none.

        `templates` maps a step's description to its templates. Damaged steps are skipped, with a
        message to `warn`. A training may write and remove steps meanwhile.

        Raises:
          InputError: a later format, `templates`, or what this process may not or cannot read.
        """
        while remaining := [step for step in self.steps if step not in self._damaged]:
            step = remaining[-1]
            try:
                metadata = on_all_processes(partial(self._metadata, step))
            except InputError as error:
                self._skip(step, error, warn)
                continue
            validation.require_format(step, metadata, FORMAT)
            trees = templates(metadata["about"])  # raises outside `try`: no sign of damage
            try:
                return step, self._load(step, metadata, trees), metadata["about"]
            except InputError as error:
                self._skip(step, error, warn)
        return None

    def _skip(self, step: int, error: InputError, warn: Warn) -> None:
        """Record a damaged step, unless a newer one exists: then this one was removed."""
        validation.require_damage(error)
        self._checkpointer.reload()
        remaining = [saved for saved in self.steps if saved not in self._damaged]
        if broadcast_from_first(max(remaining, default=0)) > step:
            return
        warn(f"{error}; trying the one before")
        self._damaged.append(step)
