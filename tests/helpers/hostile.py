"""JSON values of every kind, for files that anyone may have written, and how reading may end."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from alexnet_jax import InputError
from alexnet_jax.runs.config import TrainConfig

CONFIG = TrainConfig(name="t", data="digits", steps=100, layers={"conv1": {"maps": 8}})

FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)

VALUES = st.recursive(
    SCALARS | st.just(10**400) | st.just("a\nb"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


def read_or_refused(read: Callable[[], Any]) -> Any:
    """The value of `read()`, or None where it raises InputError; any other error fails the test."""
    try:
        return read()
    except InputError:
        return None
