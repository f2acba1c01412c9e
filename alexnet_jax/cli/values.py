"""How a script ends, and options' texts as values: no library but Python's own."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from alexnet_jax.errors import FailedElsewhere, InputError, SaveFailed


def fail(message: str, status: int = 2) -> NoReturn:
    """Prints one line on standard error and ends the process."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(status)


# Which extra brings a package that is imported when it is needed, and not before.
_EXTRAS = {
    "orbax": "train",
    "tyro": "train",
    "rich": "train",
    "PIL": "train",
    "tensorflow_datasets": "data",
    "array_record": "data",
    "importlib_resources": "data",
    "sklearn": "data",
    "skimage": "data",
    "matplotlib": "plots",
    "safetensors": "interop",
    "onnx": "interop",
    "onnxruntime": "interop",
    "google": "interop",
    "flatbuffers": "interop",
    "pyarrow": "parquet",
    "tensorboardX": "tensorboard",
    "torch": "peer",
}


@contextlib.contextmanager
def mistakes_in_a_line() -> Iterator[None]:
    """A user's mistake inside, or a package that is not installed, ends the process with a line
    and status 2; Ctrl-C with 130."""
    try:
        yield
    except FailedElsewhere:
        raise SystemExit(2) from None
    except SaveFailed as error:
        with contextlib.suppress(SystemExit):
            fail(str(error))
        sys.stdout.flush()
        os._exit(2)
    except InputError as error:
        fail(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in _EXTRAS:
            raise
        fail(f"{package} is not installed: pip install 'alexnet_jax[{_EXTRAS[package]}]'")
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        fail(f"{error.strerror or error}{place}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def whole_number(name: str, text: str) -> int:
    """An option's text as an int. InputError if it is not one."""
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{name} must be a whole number, got {text!r}") from None


def number(name: str, text: str) -> float:
    """An option's text as a float. InputError if it is not one, or not finite."""
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise InputError(f"{name} must be a finite number, got {text!r}")


def positive_number(name: str, text: str) -> float:
    """An option's text as a float. InputError if it is not one, above 0 and finite."""
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < math.inf:
            return value
    raise InputError(f"{name} must be a number > 0, got {text!r}")


def writable(option: str, text: str, suffixes: tuple[str, ...]) -> Path | None:
    """The path of a file to be written, before the work for it is done; None for "none"."""
    path = Path(text)
    if text == "none":
        return None
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{option}: cannot write {text!r}")
    if suffixes and path.suffix not in suffixes:
        raise InputError(f"{option} must end in {', '.join(suffixes)}, got {text!r}")
    return path
