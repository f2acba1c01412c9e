"""Pickles of arrays, read without running anything that they name.

A pickle is a program: the names in it are imported and called. Here every name is looked up in a
short table of stand-ins that only record their arguments; any other name ends the reading, or has a
stand-in that the caller gives, and nothing is imported. The reader works on every machine, with or
without PyTorch: it refuses the same files whatever PyTorch's version, need not wait for PyTorch's
import, and can map tensors instead of copying them.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import IO, Any

from alexnet_jax.errors import InputError

Persistent = Callable[[Any], Any]
Unknown = Callable[[str, str], Any]

# Instructions that dictionaries, lists, strings, numbers, and calls and instances of the stand-ins
# need, in protocols 2 to 4. Those that create other kinds of objects, or allocate more memory than
# the file has bytes, are left out.
_INSTRUCTIONS = """
    PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 INT LONG
    LONG1 BINFLOAT FLOAT BINUNICODE SHORT_BINUNICODE UNICODE STRING BINSTRING SHORT_BINSTRING
    BINBYTES SHORT_BINBYTES EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_DICT DICT SETITEM SETITEMS GLOBAL STACK_GLOBAL REDUCE BUILD BINPERSID PUT BINPUT
    LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET NEWOBJ
"""
_OPCODES = frozenset(_INSTRUCTIONS.split())
_MOST_IN_A_TUPLE = 10_000  # values in a tuple and all tuples inside; a tensor's has about 30


class Foreign(InputError):
    """A pickle that asks for more than this reader does."""


def load(
    file: IO[bytes],
    allowed: Mapping[tuple[str, str], Any],
    *,
    persistent: Persistent | None = None,
    unknown: Unknown | None = None,
    encoding: str = "ASCII",
) -> Any:
    """Load the pickle at the file's position, and move the position to its end.

    Args:
      file: the file.
      allowed: (module, name) -> its stand-in. Create the stand-ins for every call, because a
        pickle may set attributes on them.
      persistent: function that turns a persistent id into an object.
      unknown: function that gives the stand-in of every other (module, name); by default, they are
        refused.
      encoding: encoding of strings that Python 2 wrote.

    Raises:
      Foreign: the pickle names anything else, or has other instructions.
      InputError: it is not a complete pickle of data.
    """
    start = file.tell()
    _scan(file)
    end = file.tell()
    file.seek(start)
    data = io.BytesIO(file.read(end - start))
    try:
        return _Restricted(data, allowed, persistent, unknown, encoding).load()
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise any exception
        raise InputError(f"not a pickle of arrays ({type(error).__name__}: {error})") from error


def _scan(file: IO[bytes]) -> None:
    """Check a pickle's instructions without executing them, and move to its end."""
    marks, limit, tuples = ("PUT", "BINPUT", "LONG_BINPUT"), 1, _Tuples()
    try:
        for opcode, argument, _ in pickletools.genops(file):
            limit += 1
            if opcode.name not in _OPCODES:
                raise Foreign(f"the pickle holds an instruction {opcode.name}, no array has it")
            # The unpickler allocates memory for as many parts as the highest number.
            if opcode.name in marks and int(argument or 0) > limit:
                raise InputError("the pickle numbers its parts beyond their count")
            tuples.follow(opcode, argument)
    except InputError:
        raise
    except Exception as error:  # as above
        raise InputError(f"not a whole pickle ({type(error).__name__}: {error})") from error


class _Tuples:
    """Sizes of the tuples that a pickle builds, with repeated values counted every time.

    A key of a dictionary is hashed, and Python hashes a tuple as often as it occurs in others:
    forty tuples, each containing the one before twice, take days, and a million tuples nested in
    each other crash the process.
    """

    def __init__(self) -> None:
        self._stack: list[int | None] = []  # sizes of the values, and None for marks
        self._memo: dict[int, int | None] = {}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Apply one instruction to the stack of sizes.

        Raises:
          InputError: a tuple is larger than any tensor needs.
          IndexError, KeyError, TypeError: the instruction takes a value that does not exist.
        """
        stack, name = self._stack, opcode.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "MARK":
            stack.append(None)
        elif name == "POP":
            stack.pop()
        else:
            size = 1 + sum(self._taken(opcode))
            if size > _MOST_IN_A_TUPLE and name.startswith("TUPLE"):
                raise InputError("the pickle has tuples in tuples beyond what arrays need")
            stack.extend([size if name.startswith("TUPLE") else 1] * len(opcode.stack_after))

    def _taken(self, opcode: pickletools.OpcodeInfo) -> list[int]:
        """Take the values that an instruction needs off the stack; return their sizes."""
        before, taken = len(opcode.stack_before), list[int]()
        if pickletools.markobject in opcode.stack_before:
            before = opcode.stack_before.index(pickletools.markobject)
            while (size := self._stack.pop()) is not None:
                taken.append(size)
        return taken + [self._stack.pop() or 0 for _ in range(before)]


class _Restricted(pickle.Unpickler):
    def __init__(
        self,
        file: IO[bytes],
        allowed: Mapping[tuple[str, str], Any],
        persistent: Persistent | None,
        unknown: Unknown | None,
        encoding: str,
    ) -> None:
        super().__init__(file, encoding=encoding)
        self._allowed, self._persistent, self._unknown = allowed, persistent, unknown

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._allowed:
            return self._allowed[module, name]
        if self._unknown is not None:
            return self._unknown(module, name)
        raise Foreign(f"the pickle names {module}.{name}, which is no array; nothing was executed")

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise InputError("the pickle refers to data outside of it")
        return self._persistent(pid)
