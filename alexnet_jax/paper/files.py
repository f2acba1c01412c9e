"""Records of runs as JSON files that are pleasant to read and to compare."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alexnet_jax.errors import InputError


def write_json(record: Mapping[str, Any], file: Path) -> None:
    """Write a record as JSON, with each list of numbers in one line."""
    # A text has no line break in JSON, so that none is taken for a list.
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
    joined = re.sub(r"\[\n([^\[\]{}\"]+)\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    file.write_text(f"{joined}\n", encoding="utf-8")


def read_json(file: Path, of: str, version: int, check: Callable[[Any], None]) -> Any:
    """Read a record that `write_json` has written.

    Args:
      of: words for what it is a record of.
      version: the record's "format".
      check: function of the record that raises ValueError, KeyError, TypeError or AttributeError
        for one without the parts that are used.

    Raises:
      InputError: the file does not exist or contains no such record.
    """
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["format"] != version:
            raise ValueError(f"format {record['format']!r}, this version reads {version}")
        check(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is no record of {of}: {error}") from None
    return record
