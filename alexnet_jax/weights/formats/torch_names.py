"""Names of torchvision's tensors in files of training programs, which add to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from alexnet_jax.errors import InputError
from alexnet_jax.weights.arrays import Array
from alexnet_jax.weights.published import TORCHVISION_NAMES

_WRAPPERS = ("module", "_orig_mod")
_COUNTER = "n_averaged"  # of torch's AveragedModel, beside the averaged model
_FIRST = TORCHVISION_NAMES["conv1"][0]
_HEAD = re.compile(re.escape("classifier.6.") + r"(\d+)\.(weight|bias)")


def plain_names(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return tensors under the names that torchvision gives them.

    Removed are "module." and "_orig_mod.", which DataParallel and torch.compile add anywhere; a
    prefix of all names, such as Lightning's "model."; and the number of the one linear layer in a
    head that is a Sequential, "classifier.6.1.weight". The counter of averages is left out.

    Raises:
      InputError: two tensors would have one name.
    """
    arrays = {name: array for name, array in arrays.items() if name != _COUNTER}
    unwrapped = [
        ".".join(part for part in name.split(".") if part not in _WRAPPERS) for name in arrays
    ]
    prefix = _prefix(unwrapped)
    plain = [name.removeprefix(prefix) for name in unwrapped]
    heads = {match[1] for name in plain if (match := _HEAD.fullmatch(name))}
    if len(heads) == 1:
        plain = [_HEAD.sub(r"classifier.6.\2", name) for name in plain]
    named: dict[str, Array] = {}
    for name, array in zip(plain, arrays.values(), strict=True):
        if name in named:
            raise InputError(f"two tensors are called {name}")
        named[name] = array
    return named


def _prefix(names: Iterable[str]) -> str:
    """Return what stands before all names, by the name of the first layer's kernel."""
    found = {name.removesuffix(_FIRST) for name in names if name.endswith(_FIRST)}
    prefix = found.pop() if len(found) == 1 else ""
    whole = prefix.endswith(".") and all(name.startswith(prefix) for name in names)
    return prefix if whole else ""
