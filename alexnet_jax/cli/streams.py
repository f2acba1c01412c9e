"""Standard streams of a command, which may be closed, full, or read by nobody."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


@contextlib.contextmanager
def standard_streams(*, optional: bool) -> Iterator[None]:
    """Decide what becomes of a command whose output cannot be written.

    A reader that closes its end early, as `head` does, ends the command without an error, since
    nobody wants the rest; any other fault of standard output is an error, in one line. If the
    output is `optional`, because files are what the command makes, one line on standard error says
    that it goes on without. A standard error that cannot be written is left out. Streams that
    were closed when the process began are opened to the null device, so that no file of the
    command's gets their numbers.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of classes and files may be any text
        sys.stdout.reconfigure(errors="backslashreplace")
    output = Output(before[0], optional=optional)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, _Errors(before[1]))
    try:
        yield
        output.flush()
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:
            output.flush()
        else:  # the command has failed, and has said why
            output.flush_in_silence()
        raise
    finally:
        sys.stdout, sys.stderr = before


class Output:
    """Standard output, whose first fault is handled as `standard_streams` says."""

    def __init__(self, stream: TextIO, *, optional: bool) -> None:
        self._stream, self._optional, self._failed = stream, optional, False

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._handle(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._handle(error)

    def flush_in_silence(self) -> None:
        self._failed = True
        self.flush()

    def writelines(self, lines: Any) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _handle(self, error: OSError) -> None:
        _discard(self._stream)
        if self._failed:
            return
        self._failed = True
        reason = f"standard output cannot be written ({error.strerror})"
        if self._optional:
            print(f"note: {reason}; going on without it", file=sys.stderr)
        elif error.errno == errno.EPIPE:
            raise SystemExit(0)
        else:
            print(f"error: {reason}", file=sys.stderr)
            raise SystemExit(2)


class _Errors(Output):
    """Standard error, whose faults have nowhere to be reported."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, optional=True)

    def _handle(self, error: OSError) -> None:
        _discard(self._stream)


def _discard(stream: TextIO) -> None:
    """Send all that follows, and what is in the stream's buffer, to the null device."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a number is no file
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _open_closed() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
