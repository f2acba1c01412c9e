"""Command lines and files that cannot be used: one line, status 2, nothing written."""

from __future__ import annotations

import contextlib
from pathlib import Path

from helpers.bad_lines import COMMANDS, CONFIGS, OPTIONS, SETTINGS
from helpers.scripts import NARROW, assert_refused, call, contents

from .rows import Row

Command = tuple[list[str], list[str]]


def every() -> list[Command]:
    """Arguments, the script first, and what the message must hold."""
    options = [
        (["train", "digits", *text.split(), "--set", "steps=1", *NARROW], parts)
        for text, parts in OPTIONS
    ]
    settings = [
        (["train", "digits", "--steps", "1", "--set", *NARROW, text], parts)
        for text, parts in SETTINGS
    ]
    files = [(["train", f"config_{place}.py"], parts) for place, (_, parts) in
             enumerate(CONFIGS.values())]  # fmt: skip
    return [*options, *settings, *files, *((text.split(), parts) for text, parts in COMMANDS)]


def refuse(place: Path, count: int) -> Row:
    """Tries about `count` of them, evenly chosen, in a directory of their own."""
    place.mkdir()
    (place / "run").mkdir()
    (place / "file").write_text("")
    for number, (text, _) in enumerate(CONFIGS.values()):
        (place / f"config_{number}.py").write_bytes(text)
    found = every()
    chosen = [found[place * len(found) // count] for place in range(count)]
    before = contents(place)
    with contextlib.chdir(place):
        for (script, *arguments), parts in chosen:
            named = [part for part in parts if part != "my.py"]
            assert_refused(call(script, *arguments), *named)
    assert contents(place) == before
    return Row("command lines and config files that cannot be used", count, "one line, status 2")
