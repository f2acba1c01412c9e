"""Exit of scripts after errors, and parsers of option texts; imports the standard library only."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from alexnet_jax.errors import FailedElsewhere, InputError, SaveFailed, printable

Choice = TypeVar("Choice", str, int)


def fail(message: str) -> NoReturn:
    """Print one line on standard error and end the process with status 2."""
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    raise SystemExit(2)


# Package that is imported only when needed -> extra that installs it; the first five, which every
# installation has, are missing where the package was merely put on the path.
_EXTRAS = {
    "jax": "train",
    "jaxlib": "train",
    "flax": "train",
    "optax": "train",
    "numpy": "train",
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
    "jinja2": "report",
    "starlette": "serve",
    "uvicorn": "serve",
    "safetensors": "train",
    "onnx": "interop",
    "onnxruntime": "interop",
    "google": "interop",
    "flatbuffers": "interop",
    "requests": "interop",
    "pyarrow": "parquet",
    "tensorboardX": "tensorboard",
    "torch": "peer",
    "libtpu": "tpu",
    "jax_cuda13_plugin": "cuda",
}


@contextlib.contextmanager
def mistakes_in_a_line() -> Iterator[None]:
    """End the process with one line and status 2 after an InputError or OSError inside, or the
    import of an optional package that is not installed; with status 130 after Ctrl-C."""
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
        path = f" ({error.filename})" if error.filename else ""
        fail(f"{error.strerror or error}{path}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


# Parsers of option texts. Each raises InputError with a message that continues the name of the
# option: "must be a whole number, got 'many'".


def whole(text: str, low: int | None = None, high: int | None = None) -> int:
    """Read an int >= low; with `high`, an int in [low, high], where `low` is 0 if not given."""
    try:
        value = int(text)
    except ValueError:
        raise InputError(f"must be a whole number, got {text!r}") from None
    if high is not None and not (low or 0) <= value <= high:
        raise InputError(f"must lie in {low or 0} to {high}, got {value}")
    if low is not None and value < low:
        raise InputError(f"must be at least {low}, got {value}")
    return value


def names(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(text.split(","))


def count(text: str) -> int:
    """Read an int of at least 1."""
    return whole(text, 1)


def number(text: str) -> float:
    """Read a finite float."""
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise InputError(f"must be a finite number, got {text!r}")


def positive(text: str) -> float:
    """Read a finite float above 0."""
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < math.inf:
            return value
    raise InputError(f"must be a number > 0, got {text!r}")


def fraction(text: str) -> float:
    """Read a float in [0, 1]."""
    value = number(text)
    if not 0 <= value <= 1:
        raise InputError(f"must lie in [0, 1], got {value:g}")
    return value


def one_of(text: str, choices: Sequence[Choice]) -> Choice:
    """Return the choice whose text this is."""
    for choice in choices:
        if text == str(choice):
            return choice
    raise InputError(f"must be one of {', '.join(map(str, choices))}, got {text!r}")


def listed(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(name for name in text.split(",") if name)


def directory(text: str) -> Path:
    """Return the path of a directory, which need not exist."""
    if not text:
        raise InputError("is empty; give a directory")
    return Path(text)


def writable(text: str, suffixes: tuple[str, ...] = ()) -> Path:
    """Return the path of a file to write; raise InputError now if it cannot be written."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"must be a file that can be written, got {text!r}")
    if suffixes and path.suffix not in suffixes:
        raise InputError(f"must end in {', '.join(suffixes)}, got {text!r}")
    return path


def picture(text: str) -> Path:
    """Return the path of a picture to write: .png, .svg or .pdf."""
    return writable(text, (".png", ".svg", ".pdf"))
