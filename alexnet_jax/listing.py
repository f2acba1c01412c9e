"""Which checkpoints there are, also beside one whose description cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def tolerant_names() -> Any:
    """orbax's rule for the directories of steps, their names being numbers.

    Its own reads the time of every step from the step's description, and a single flipped bit in
    one of them makes all of them unreadable. Here such a step has the time of its directory.
    """
    from orbax.checkpoint import path

    standard = path.step.standard_name_format()

    class Tolerant(type(standard)):  # type: ignore[misc]
        def find_all(self, base_path: Any) -> Iterator[Any]:
            for found in super().find_all(base_path):
                try:
                    found.commit_timestamp  # noqa: B018
                except Exception:  # whatever its reader raises
                    vars(found)["_checkpoint_metadata"] = None
                yield found

    return Tolerant()
