"""Quiet commands: what is said about work in progress can be switched off for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TextIO

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


def remark(text: str, file: TextIO | None = None) -> None:
    """Print a line about work in progress, unless switched off by `quiet`.

    On standard output, or to another `file`.
    """
    if not is_quiet():
        print(text, file=file, flush=True)
