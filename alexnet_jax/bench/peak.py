"""Peak memory of a process during its steps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from alexnet_jax.runtime import peak_bytes, reset_peak_bytes


class StepsPeak:
    """Peak resident memory over all blocks inside `watched`, without what lies between them."""

    def __init__(self) -> None:
        self.bytes: int | None = None

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Include a block. Where the system cannot reset its peak, the whole process counts."""
        reset_peak_bytes()
        yield
        latest = peak_bytes()
        if latest is not None:
            self.bytes = max(latest, self.bytes or 0)
