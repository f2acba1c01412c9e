"""Quiet commands: what is said about work in progress can be switched off for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


@contextlib.contextmanager
def quiet(enabled: bool = True) -> Iterator[None]:
    """Print no progress and no remarks inside this context, if `enabled`."""
    token = _QUIET.set(enabled)
    try:
        yield
    finally:
        _QUIET.reset(token)


def is_quiet() -> bool:
    """Whether progress and remarks are switched off."""
    return _QUIET.get()


def remark(text: str) -> None:
    """Print a line about work in progress on standard output, unless switched off by `quiet`."""
    if not is_quiet():
        print(text, flush=True)
