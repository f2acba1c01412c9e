"""Running without the right to write everywhere, which root has."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read anything: nobody (65534) stands in for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
