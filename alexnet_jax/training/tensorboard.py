"""Event files of TensorBoard, written by tensorboardX; no TensorFlow is needed.

`tensorboard --logdir WORKDIR/tensorboard` shows them, while the run is going on, too. The groups
"train" and "test" are directories, so that TensorBoard draws both in one chart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

BINS = 64  # of a histogram, of equal width


class TensorBoard:
    """Recorder of `training.recorders` that writes TensorBoard's event files.

    Every call ends with its events in the file, and raises InputError if that cannot be written. A
    run that was resumed writes new files, and TensorBoard leaves out what older ones have of the
    steps from the first one in them.

    Args:
      directory: directory of the files; created at the first event.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, EventsWriter] = {}

    def scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        from tensorboardX.summary import scalar

        for name, value in values.items():
            self._add(step, group, scalar(name, value))
        self._flush(group)

    def images(self, step: int, name: str, images: np.ndarray) -> None:
        from tensorboardX.summary import image

        for number, one in enumerate(images):
            pixels = np.rint(255 * np.clip(one, 0, 1)).astype(np.uint8)
            tag = name if len(images) == 1 else f"{name}/{number}"
            self._add(step, "inside", image(tag, pixels, dataformats="HWC"))
        self._flush("inside")

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        from tensorboardX.summary import histogram

        self._add(step, "inside", histogram(name, values, bins=BINS))
        self._flush("inside")

    def close(self) -> None:
        for group in self._files:
            self._flush(group)
            self._files[group].close()
        self._files.clear()

    def _add(self, step: int, group: str, summary: Summary) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._write(group, Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, group: str, event: Event) -> None:
        try:
            self._file(group, event.step).write_event(event)
        except OSError as error:
            raise self._unwritten(error) from error

    def _flush(self, group: str) -> None:
        try:
            if group in self._files:
                self._files[group].flush()
        except OSError as error:
            raise self._unwritten(error) from error

    def _file(self, group: str, step: int) -> EventsWriter:
        """Return a group's file; a new one says that older ones do not count from `step` on."""
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        if group not in self._files:
            directory = self._directory / group
            directory.mkdir(parents=True, exist_ok=True)
            # A run that is resumed within the same second must not take the name of its last file.
            file = EventsWriter(str(directory / "events"), f".{time.time_ns()}")
            start = SessionLog(status=SessionLog.START)
            file.write_event(Event(wall_time=time.time(), step=step, session_log=start))
            self._files[group] = file
        return self._files[group]

    def _unwritten(self, error: OSError) -> InputError:
        return InputError(
            f"{self._directory} cannot be written ({error.strerror}); once that is mended, or "
            "with --set record=, the same command resumes from the last checkpoint"
        )
