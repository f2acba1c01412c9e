"""The cache of compiled programs that scripts turn on."""

import ctypes
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import pytest
from helpers.scripts import ROOT

from alexnet_jax.runtime.compile_cache import enable_compile_cache, release_free_memory

# Compiles one program, and says where jax keeps it.
CODE = """
import jax, jax.numpy as jnp
from alexnet_jax.runtime.compile_cache import enable_compile_cache
enable_compile_cache()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones((4, 4))).block_until_ready()
print(jax.config.jax_compilation_cache_dir)
"""


def compiled(**environment: str) -> tuple[str, str]:
    """What CODE prints with only these variables about caches, and what goes to standard error."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JAX_", "XDG_", "HOME"))
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=kept | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"} | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip(), done.stderr


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc has it")
def test_memory_is_given_back() -> None:
    """Many blocks that are free, below one that is not."""
    blocks = [bytearray(64_000) for _ in range(3000)]
    keep, blocks = blocks[-1], []
    held = resident()
    release_free_memory()
    assert len(keep) == 64_000
    assert resident() < held - 100_000_000


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_programs_are_kept_and_found_again(tmp_path: Path, variable: str) -> None:
    """The second process adds nothing: it found what the first one left."""
    base = tmp_path if variable == "XDG_CACHE_HOME" else tmp_path / ".cache"
    kept: set[str] = set()
    for again in (False, True):
        where, _ = compiled(**{variable: str(tmp_path)})
        assert where == str(base / "alexnet_jax")
        names = {path.name for path in Path(where).glob("*-cache")}
        assert names
        if again:
            assert names == kept
        kept = names


def test_a_cache_that_is_set_stays(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    where, _ = compiled(XDG_CACHE_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=str(mine))
    assert where == str(mine)
    assert not (tmp_path / "alexnet_jax").exists()


def test_nothing_is_kept_where_nothing_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    where, said = compiled(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert where == "None"
    assert said == ""


def test_faults_of_the_cache_are_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """jax warns of them at every program, as on a full disk; other warnings are shown as before."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jax._src.compilation_cache.put_executable_and_time", full)
    minimum = "jax_persistent_cache_min_compile_time_secs"
    before = jax.config.values[minimum]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        passed_on: list[str] = []
        warnings.showwarning = lambda message, *_: passed_on.append(str(message))
        enable_compile_cache()
        enable_compile_cache()
        jax.config.update(minimum, 0.0)
        try:
            for number in range(3):
                jax.jit(lambda x, number=number: x + number)(time.time_ns() % 2**20 + 0.5)
        finally:
            jax.config.update(minimum, before)
        fault = capsys.readouterr().err
        warnings.warn("of ours", UserWarning, stacklevel=1)
    assert fault.startswith("note: the cache of compiled programs, set by ALEXNET_JAX_CACHE or ")
    assert fault.endswith("(OSError: [Errno 28] No space left on device); compiling without it\n")
    assert fault.count("\n") == 1
    assert passed_on == ["of ours"]
