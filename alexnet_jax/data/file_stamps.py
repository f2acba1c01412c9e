"""Whether the files of a data set are still those that were opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Stamps:
    """The files of a directory with their sizes and times of change, when looked at.

    A run reads pixels where they lie: what is written there while it runs goes into it unseen.
    Their numbers do not count, which some file systems on the network give out anew.
    """

    files: Mapping[Path, Stamp]

    @classmethod
    def of(cls, directory: Path) -> Stamps:
        return cls({path: _stamp(path) for path in sorted(directory.iterdir()) if path.is_file()})

    def changed(self) -> list[Path]:
        """Files that were written, replaced or removed since."""
        return [path for path, stamp in self.files.items() if _now(path) != stamp]


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _now(path: Path) -> Stamp | None:
    try:
        return _stamp(path)
    except FileNotFoundError:
        return None
