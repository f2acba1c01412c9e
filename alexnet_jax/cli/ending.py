"""End of a command: what becomes of the exceptions that its function raises."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from alexnet_jax.cli.values import mistakes_in_a_line


@contextlib.contextmanager
def end_in_a_line() -> Iterator[None]:
    """End the process with a line and a status after mistakes of the user's, platforms that are not
    there, an interruption, and a computation that failed because another process died."""
    from alexnet_jax.runtime import Interrupted, require_platforms

    try:
        with mistakes_in_a_line(), require_platforms():
            yield
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        raise SystemExit(stop.status) from None
    except Exception as error:
        _end_if_peers_are_lost(error)
        raise


def _end_if_peers_are_lost(error: Exception) -> None:
    """End the process after a failed computation of several, before jax waits for the others."""
    import jax

    if not isinstance(error, jax.errors.JaxRuntimeError) or jax.process_count() == 1:
        return
    reason = str(error).splitlines()[0]
    print(
        f"error: process {jax.process_index()}: a computation of all {jax.process_count()} "
        f"processes failed ({reason}); if another process died, look at what it said. The same "
        "commands resume from the last checkpoint",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)
