"""Signals to one of several processes stop all of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

import jax

from alexnet_jax.interrupt import Signals


class SharedSignals(Signals):
    """As `Signals`, for several processes: one that is signalled stops all at the same step.

    jax handles SIGTERM and passes it on; SIGINT becomes SIGTERM. A second SIGTERM changes nothing.
    """

    def stopping(self, step: int) -> signal.Signals | None:
        from jax.experimental import multihost_utils

        if multihost_utils.reached_preemption_sync_point(step):
            return self._received or signal.SIGTERM
        return None

    def _handlers(self) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        return {signal.SIGINT: self._pass_on}

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._handle(number, frame)
        os.kill(os.getpid(), signal.SIGTERM)


def signals_of_run() -> Signals:
    """What the processes of this run listen with."""
    return Signals() if jax.process_count() == 1 else SharedSignals()
