"""Arrays in pickles of every protocol that is read, and states that are no array."""

import io
import pickle
from typing import Any

import numpy as np
import pytest
from helpers.python2 import python2

from alexnet_jax import InputError
from alexnet_jax.pickles import Foreign, PickledArray, array_names, load

VALUES = np.arange(24, dtype=np.uint8).reshape(4, 6)
CODES = ("u1", "i4", "f4")


def loaded(data: bytes) -> Any:
    return load(io.BytesIO(data), array_names(), encoding="latin1")


@pytest.mark.parametrize("array", [VALUES, VALUES.astype(">i4"), np.asfortranarray(VALUES)])
def test_arrays_are_read_as_pickle_reads_them(array: np.ndarray) -> None:
    for data in (python2(array), *(pickle.dumps(array, protocol) for protocol in (0, 1, 2, 3, 4))):
        pickled = loaded(data)
        assert isinstance(pickled, PickledArray)
        shape, dtype = pickled.layout("a", CODES, "numbers")
        assert (shape, dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(pickled.read(shape, dtype), array)


def test_states_that_are_no_array() -> None:
    """What is missing, of another dtype, or of another length than the shape says."""
    cut = pickle.dumps(VALUES, 2).replace(b"K\x04K\x06\x86", b"K\x04K\x07\x86")
    for data, message in (
        (cut, "array a is not whole"),
        (pickle.dumps(VALUES.astype("c8"), 2), "array a should be numbers, found c8"),
        (pickle.dumps(np.array([{}]), 2), "array a is not whole"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R.", "array a is not whole"),
    ):
        with pytest.raises(InputError, match=message):
            loaded(data).layout("a", CODES, "numbers")


def test_nothing_else_is_called() -> None:
    with pytest.raises(Foreign, match=r"names os\.system, which is no array; nothing was"):
        loaded(b"cos\nsystem\n(S'true'\ntR.")
