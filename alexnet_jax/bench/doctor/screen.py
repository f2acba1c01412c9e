"""The doctor's findings as one screen of text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

_WIDTH = 100


def format_screen(found: Mapping[str, str]) -> str:
    """Format findings by title, each title at the left and its text, wrapped, beside it."""
    left = max(map(len, found)) + 2
    lines = []
    for title, text in found.items():
        wrapped = textwrap.wrap(text, _WIDTH - left, break_long_words=False, break_on_hyphens=False)
        lines += [
            f"{name:{left}}{line}"
            for name, line in zip([title, *[""] * len(wrapped)], wrapped or [""], strict=False)
        ]
    return "\n".join(lines)
