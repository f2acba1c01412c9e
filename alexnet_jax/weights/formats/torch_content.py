"""The tensors in what a file of torch.save holds: state dicts, checkpoints, modules.

Objects of other classes are replaced by `Noted` ones, which hold their state and do nothing. No
class of a file is imported, and none is called.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from alexnet_jax.errors import InputError
from alexnet_jax.pickles import Foreign
from alexnet_jax.weights.arrays import Array

_PLACES = ("state_dict", "model_state_dict", "model", "net")
_MOST_CLASSES = 1_000  # a training's checkpoint names a few dozen
_MOST_MODULES = 1_000
_LONGEST_NAME = 500  # characters

# Functions and classes that checkpoints call for values that are no weights.
_CALLED = {
    "__builtin__": "set frozenset",  # of Python 2, whose names protocol 2 keeps
    "builtins": "set frozenset",
    "collections": "defaultdict Counter",
    "datetime": "date datetime timedelta",
    "numpy": "dtype",
    "numpy.core.multiarray": "scalar _reconstruct",
    "numpy._core.multiarray": "scalar _reconstruct",
    "_codecs": "encode",
    "pathlib": "PosixPath WindowsPath PurePosixPath",
    "pathlib._local": "PosixPath WindowsPath PurePosixPath",
    "torch": "Size device",
    "torch.jit._pickle": "build_intlist build_doublelist build_boollist build_tensorlist "
    "restore_type_tag",
}


class Noted:
    """Stand-in for an object of a file: its state, and nothing of its class."""

    __slots__ = ("state",)
    state: Any

    def __new__(cls, *_: Any) -> Noted:
        noted = object.__new__(cls)
        noted.state = None
        return noted

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Ignore an entry; the class is a dictionary."""

    def append(self, value: Any) -> None:
        """Ignore a value; the class is a list."""

    def extend(self, values: Any) -> None:
        """Ignore values; the class is a list."""


class _Class(type):
    """Stand-in for a class. An instruction may make an object of it, but not call it."""

    def __call__(cls, *_: Any) -> Any:
        raise Foreign(f"the pickle calls {cls.__module__}.{cls.__name__}"[:200])


class Classes:
    """Stand-ins for the names of one file that are neither tensors nor dictionaries."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Any] = {}

    def find(self, module: str, name: str) -> Any:
        """Return the stand-in of a name; InputError if a file names more than any needs."""
        if (module, name) not in self._made:
            if len(self._made) == _MOST_CLASSES:
                raise InputError(f"the pickle names more than {_MOST_CLASSES} classes")
            kind = type if name in _CALLED.get(module, "").split() else _Class
            body = {"__module__": module, "__slots__": ()}
            self._made[module, name] = kind(name, (Noted,), body)
        return self._made[module, name]


def short(value: Any) -> str:
    """Describe an object of a file in at most 80 characters, however long or nested it is."""
    return reprlib.repr(value)[:80]


def tensors_of(content: Any) -> dict[str, Array]:
    """Return the tensors by their names in a state dict.

    The state dict is all of the content, or its entry "state_dict", "model_state_dict", "model" or
    "net", or else the only entry of another name that is a dictionary of tensors; or it is made of
    a module in one of these places, also of one in TorchScript.

    Raises:
      InputError: there is none, or it holds more than tensors.
    """
    for _ in _PLACES:  # one may lie in another
        if isinstance(content, dict):
            places = (content.get(name) for name in _PLACES)
            others = [entry for entry in content.values() if _are_tensors(entry)]
            other = others[0] if len(others) == 1 else content
            content = next((x for x in places if isinstance(x, dict | Noted)), other)
    if isinstance(content, Noted):
        content = _state_dict(content)
    if not isinstance(content, dict):
        raise InputError(f"expected a dictionary of tensors, found {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Array):
            raise InputError(
                f"expected a dictionary of tensors, but {short(name)} is no tensor; of a "
                f"checkpoint, the entries {', '.join(_PLACES)} are read"
            )
    return content


def _are_tensors(entry: Any) -> bool:
    """Whether an entry is a dictionary of tensors, and has some."""
    return (
        isinstance(entry, dict)
        and bool(entry)
        and all(isinstance(value, Array) for value in entry.values())
    )


def _state_dict(module: Noted) -> dict[str, Array]:
    """Collect the tensors of a module and of all modules in it, by their names in a state dict."""
    tensors, remaining = {}, [("", module)]
    for _ in range(_MOST_MODULES):
        if not remaining:
            break
        prefix, module = remaining.pop()
        for name, value in _attributes(module).items():
            if len(prefix) + len(name) > _LONGEST_NAME:
                raise InputError("the names of its modules are too long")
            if isinstance(value, Array):
                tensors[prefix + name] = value
            elif isinstance(value, Noted):
                remaining.append((f"{prefix}{name}.", value))
    if remaining:
        raise InputError(f"it has more than {_MOST_MODULES} modules")
    if not tensors:
        kind = type(module)
        raise InputError(f"expected tensors, found a {kind.__module__}.{kind.__name__}"[:200])
    return tensors


def _attributes(module: Noted) -> Mapping[str, Any]:
    """Return a module's parameters, buffers and modules, which TorchScript keeps in one table."""
    state = module.state if isinstance(module.state, dict) else {}
    if "_modules" not in state:
        return {name: value for name, value in state.items() if isinstance(name, str)}
    tables = (state.get(name) for name in ("_parameters", "_buffers", "_modules"))
    return {
        name: value
        for table in tables
        if isinstance(table, dict)
        for name, value in table.items()
        if isinstance(name, str)
    }


def as_state_dict(file: str, pickled: bytes) -> str:
    """Return what a file is, and the command by which PyTorch makes a state dict of it."""
    plain = f"{file.rpartition('.')[0] or file}_state_dict.pth"
    loaded = f"torch.load({file!r}, weights_only=False)"
    place = next((name for name in _PLACES if _holds(pickled, name)), None)
    if place is not None:
        kind, tensors = "a checkpoint", f"{loaded}[{place!r}]"
    elif b"torch.nn.modules" in pickled:
        kind, tensors = "a whole module", f"{loaded}.state_dict()"
    else:
        return (
            f"no state dict, which torch.load(..., weights_only=True) takes: "
            f"torch.save(model.state_dict(), {plain!r})"
        )
    command = f'python -c "import torch; torch.save({tensors}, {plain!r})"'
    return f"{kind}; if you trust it, this makes a state dict of it: {command}"


def _holds(pickled: bytes, text: str) -> bool:
    """Whether a pickle holds a text, of which its length comes first: in four bytes, or in one."""
    long = b"X" + len(text).to_bytes(4, "little") + text.encode()
    return long in pickled or b"\x8c" + bytes([len(text)]) + text.encode() in pickled
