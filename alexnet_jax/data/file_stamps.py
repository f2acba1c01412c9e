"""Sizes and times of a data set's files, to detect changes after they were opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Stamps:
    """Sizes and modification times of a directory's files when they were opened.

    A run reads pixels directly from these files, so that a change while it runs would go
    unnoticed. Inode numbers are not compared, because some network file systems reassign them.
    """

    files: Mapping[Path, Stamp]

    @classmethod
    def of(cls, directory: Path) -> Stamps:
        return cls({path: _stamp(path) for path in sorted(directory.iterdir()) if path.is_file()})

    def changed(self) -> list[Path]:
        """Return the files that were written, replaced or removed since."""
        return [path for path, stamp in self.files.items() if _stamp_if_present(path) != stamp]


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _stamp_if_present(path: Path) -> Stamp | None:
    try:
        return _stamp(path)
    except FileNotFoundError:
        return None
