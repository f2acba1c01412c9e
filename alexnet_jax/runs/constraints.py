"""Constraints of settings, declared in the annotations of a dataclass's fields.

    steps: Annotated[int, at_least(1)]

declares that `steps` is an int of at least 1; `require_constraints` checks all fields. Only the
standard library is imported here.
"""

from __future__ import annotations

import math
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

from alexnet_jax.errors import InputError

Value = TypeVar("Value")
_KINDS: dict[object, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    str: (str,),
    bool: (bool,),
}


@dataclass(frozen=True)
class Check:
    """Constraint on one value; the error message is "NAME TEXT, got VALUE"."""

    text: str
    holds: Callable[[Any], bool]


def at_least(low: int) -> Check:
    """Return the constraint low <= value."""
    return Check(f"must be at least {low}", lambda value: value >= low)


def within(low: float, high: float, text: str = "") -> Check:
    """Return the constraint low <= value < high; `text` is the interval as written in errors."""
    interval = text or f"[{low:g}, {high:g})"
    return Check(f"must lie in {interval}", lambda value: low <= value < high)


class FrozenDict(dict[str, Value]):
    """Immutable dictionary; hashable if its values are."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[Value]], tuple[dict[str, Value]]]:
        return FrozenDict, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("settings cannot be changed; dataclasses.replace makes others")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def frozen(value: object) -> object:
    """Convert dictionaries to `FrozenDict` and lists to tuples, at every depth."""
    if isinstance(value, Mapping):
        return FrozenDict((name, frozen(inner)) for name, inner in value.items())
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def plain(value: object) -> object:
    """Convert `FrozenDict` to dictionaries and tuples to lists, as in JSON."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return list(map(plain, value)) if isinstance(value, tuple) else value


def require_constraints(settings: object) -> None:
    """Raise InputError for the first field whose value has the wrong type or fails a `Check`."""
    for name, hint in typing.get_type_hints(type(settings), include_extras=True).items():
        value = getattr(settings, name)
        extras = getattr(hint, "__metadata__", ())
        _require_kind(name, get_args(hint)[0] if extras else hint, value)
        for check in extras:
            if isinstance(check, Check) and not check.holds(value):
                raise InputError(f"{name} {check.text}, got {value!r}")


def _require_kind(name: str, hint: Any, value: Any) -> None:
    """Raise InputError for a value of the wrong type; configs are files that users write."""
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise InputError(f"{name} must be one of {', '.join(get_args(hint))}, got {value!r}")
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            raise InputError(f"{name} must be a list, got {value!r}")
        for element in value:
            _require_kind(name, get_args(hint)[0], element)
    kinds = _KINDS.get(hint)
    if kinds and (not isinstance(value, kinds) or (hint is not bool and isinstance(value, bool))):
        raise InputError(f"{name} must be {hint.__name__}, got {value!r}")
    if hint is float and abs(value) > sys.float_info.max and value != math.inf:
        raise InputError(f"{name} must be a number that float64 holds")
