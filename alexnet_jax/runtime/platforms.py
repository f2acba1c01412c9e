"""Platforms that jax is told to use, by JAX_PLATFORMS, and does not find."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

from alexnet_jax.errors import InputError

_CANNOT_INITIALIZE = r"Unable to initialize backend '.*?': (.*?)\.?( \(set JAX_PLATFORMS|$)"


@contextlib.contextmanager
def require_platforms() -> Iterator[None]:
    """Raise InputError where jax cannot use what JAX_PLATFORMS asks for.

    jax looks for devices when something is first computed, and fails there: with an
    AssertionError that has no message for a GPU that is not there, with a RuntimeError for others.
    """
    try:
        yield
    except (AssertionError, RuntimeError) as error:
        if (line := _describe(error)) is None:
            raise
        raise InputError(line) from error


def _describe(error: AssertionError | RuntimeError) -> str | None:
    """Return what is wrong with JAX_PLATFORMS, or None if the error has another cause."""
    import jax
    from jax.extend import backend

    asked = jax.config.jax_platforms
    if not asked:
        return None
    if isinstance(error, AssertionError):
        try:
            backend.backends()
        except AssertionError:
            reason = "no such device is there"
        else:
            return None
    elif found := re.match(_CANNOT_INITIALIZE, str(error), re.MULTILINE):
        reason = found[1]
    else:
        return None
    # Without a demand jax takes whatever there is, with advice about what might be installed.
    jax.config.update("jax_platforms", None)
    logging.disable(logging.WARNING)
    try:
        there = ", ".join(backend.backends())
    finally:
        logging.disable(logging.NOTSET)
    return f"JAX_PLATFORMS={asked} cannot be used: {reason}; jax finds {there} here"
