"""Strict settings for every test: silent promotion raises, and there are eight CPU devices.

Programs compiled by one test serve the others, and the next run, from pytest's cache directory.
They are compiled with little optimization of machine code, which takes a third of the time and
leaves the programs themselves as they are; tests marked `optimized`, and with `--optimized` all,
have them as users do.
"""

import gc

import jax
import pytest

pytest_plugins = [
    "helpers.scripts",
    "helpers.saved",
    "helpers.compiled",
    "helpers.drawn",
    "helpers.browsers",
]
pytest.register_assert_rewrite("helpers")
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
assert len(jax.devices()) == 8  # from here on no script that a test calls can change it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--optimized", action="store_true", help="compile as users do, in every test")


def pytest_configure(config: pytest.Config) -> None:
    jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("jax")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_collection_finish() -> None:
    """Collects garbage seldom: traces and programs make a large heap, of which nearly all stays."""
    gc.collect()
    gc.set_threshold(100_000, 50, 1000)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture of the test, whatever its scope."""
    as_users = item.config.getoption("optimized") or item.get_closest_marker("optimized")
    jax.config.update("jax_disable_most_optimizations", not as_users)
