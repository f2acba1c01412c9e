"""Results of the items of a part, as data for the file and the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

# An item measures or compares something and returns what belongs in the file.
Item = Callable[[], dict[str, Any]]
Items = Mapping[str, Item]
Status = Literal["done", "refused", "failed", "no time"]


@dataclass(frozen=True)
class Result:
    """Result of an item, or of a part that failed before its first item.

    Attributes:
      status: "refused" if it cannot be done on this machine, "no time" if its time was over.
      seconds: how long it took; 0 if it was not begun.
      value: what the item returned, if it is done. Comparisons have "agrees", a bool.
      line: reason for any other status, in one line.
      traceback: text of the traceback, if it failed.
    """

    item: str
    status: Status
    seconds: float = 0.0
    value: dict[str, Any] | None = None
    line: str = ""
    traceback: str = ""

    @property
    def wrong(self) -> bool:
        """Whether it failed, or compared values that do not agree."""
        return self.status == "failed" or not (self.value or {}).get("agrees", True)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
