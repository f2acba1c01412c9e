"""What the processes of a run were started with is compared; here each is a thread."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import alexnet_jax
from alexnet_jax.errors import FailedElsewhere, InputError
from alexnet_jax.runs import workdir
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runtime import agreement, processes
from alexnet_jax.runtime.locks import hold


@dataclasses.dataclass
class Threads:
    """So many threads, each of which takes itself for a process of a run."""

    count: int
    own: threading.local = dataclasses.field(default_factory=threading.local)

    def __post_init__(self) -> None:
        self._barrier = threading.Barrier(self.count, timeout=30)
        self._rows: list[np.ndarray] = [np.zeros(0)] * self.count

    def allgather(self, array: np.ndarray) -> np.ndarray:
        self._rows[self.own.index] = np.asarray(array)
        self._barrier.wait()
        gathered = np.stack(self._rows)  # raises for rows of different shapes
        self._barrier.wait()
        return gathered

    def run(self, function: Callable[[int], object]) -> list[object]:
        """What the function returns or raises in each."""
        results: list[object] = [None] * self.count

        def one(index: int) -> None:
            self.own.index = index
            try:
                results[index] = function(index)
            except InputError as error:
                results[index] = error

        threads = [threading.Thread(target=one, args=(index,)) for index in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return results


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    three = Threads(3)
    monkeypatch.setattr(jax, "process_count", lambda: three.count)
    monkeypatch.setattr(jax, "process_index", lambda: three.own.index)
    devices = [SimpleNamespace(process_index=k) for k in (0, 0, 1, 1, 2, 2)]
    monkeypatch.setattr(jax, "devices", lambda: devices)
    for module in (agreement, processes):
        monkeypatch.setattr(module, "allgather", three.allgather)
    return three


def settings(index: int, **changes: object) -> dict[str, object]:
    given = TrainConfig(name="t", data="digits", steps=100).to_json()
    return given | (changes if index == 2 else {})


def test_equal_settings_pass(threads: Threads) -> None:
    assert threads.run(lambda index: agreement.require_same(settings(index))) == [None] * 3


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"steps": 20}, ["steps: 100 in process 0, 20 in process 2;"]),
        ({"seed": 1, "batch": 7}, ["batch: 128 in process 0, 7 in", "; seed: 0 in process 0, 1"]),
        ({"new": "é"}, [r'new: null in process 0, "\u00e9" in process 2']),
        ({"preset": "x" * 500}, [f'in process 0, "{"x" * 59}... in process 2']),
    ],
)
def test_different_settings_are_refused_by_all(
    changes: dict[str, object], parts: list[str], threads: Threads
) -> None:
    """The first one says what differs; the others end without a word."""
    first, *others = threads.run(lambda index: agreement.require_same(settings(index, **changes)))
    assert type(first) is InputError
    for part in parts:
        assert part in str(first)
    assert str(first).endswith("give all the same command")
    assert [type(error) for error in others] == [FailedElsewhere] * 2


def test_another_version_of_the_package_is_refused(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose number is the same."""
    monkeypatch.setattr(agreement, "_package_sha256", lambda: f"{threads.own.index:016x}")
    first, *_ = threads.run(lambda index: agreement.require_same(settings(index)))
    assert "alexnet_jax: " in str(first)
    assert 'files 0000000000000001" in process 1' in str(first)


def test_the_source_files_are_what_is_compared(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    for name in ("__init__.py", "inside/one.py", "words.txt"):
        (tmp_path / name).write_text(name)
    assert Path(alexnet_jax.__file__).parent == agreement._PACKAGE
    before = agreement._package_sha256(tmp_path)
    (tmp_path / "words.txt").write_text("others")
    assert agreement._package_sha256(tmp_path) == before
    (tmp_path / "inside" / "one.py").write_text("other")
    assert agreement._package_sha256(tmp_path) != before


def test_different_numbers_of_devices_are_refused(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = [SimpleNamespace(process_index=k) for k in (0, 0, 1, 2, 2)]
    monkeypatch.setattr(jax, "devices", lambda: devices)
    first, *others = threads.run(lambda index: agreement.require_same({}))
    assert str(first) == ("process 0 has 2 devices, process 1 has 1; give every process as many")
    assert [type(error) for error in others] == [FailedElsewhere] * 2


def test_another_directory_of_the_same_name_is_refused(threads: Threads, tmp_path: Path) -> None:
    """As a workdir on a disk of each machine's own, where the second holds an earlier run."""
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    own.mkdir()
    with hold(shared), hold(own):
        assert threads.run(lambda index: workdir.require_shared(shared)) == [None] * 3
    with hold(shared):
        for index in (1, 2):
            first, *_ = threads.run(
                lambda k, other=index: workdir.require_shared(own if k == other else shared)
            )
            assert f"process {index} sees another workdir" in str(first)


def test_alone_nothing_is_compared() -> None:
    agreement.require_same({"a": object()})
    assert agreement.first_differing("a") is None
