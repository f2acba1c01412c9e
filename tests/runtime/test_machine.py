"""What the operating system says of memory."""

from pathlib import Path

import pytest

from alexnet_jax.runtime import free_bytes, machine


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files of a system that has 3,000 kB free, and 500 to swap to."""
    (tmp_path / "meminfo").write_text(
        "MemTotal:       9000 kB\nMemFree:         100 kB\nMemAvailable:   3000 kB\n"
        "SwapFree:        500 kB\nHugePages_Free:    0\n"
    )
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_GROUP", tmp_path / "cgroup")
    (tmp_path / "cgroup").write_text("1:cpu:/x\n0::/jobs/one\n")
    (tmp_path / "jobs/one").mkdir(parents=True)
    return tmp_path


def limit(system: Path, most: str, used: int, cached: int) -> None:
    group = system / "jobs/one"
    (group / "memory.max").write_text(f"{most}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\nactive_file 7\n")


def test_free_memory_of_a_system(system: Path) -> None:
    assert free_bytes() == 3500 * 1024
    limit(system, "max", 100, 10)
    assert free_bytes() == 3500 * 1024


def test_free_memory_of_a_control_group(system: Path) -> None:
    """What its limit leaves; files in the cache can go."""
    limit(system, "1000000", 600_000, 50_000)
    assert free_bytes() == 450_000
    limit(system, "1000000", 1_200_000, 50_000)
    assert free_bytes() == 0
    limit(system, "9000000", 1, 0)
    assert free_bytes() == 3500 * 1024


def test_free_memory_that_is_not_known(system: Path) -> None:
    (system / "meminfo").write_text("MemTotal: 9000 kB\n")
    assert free_bytes() is None
    (system / "meminfo").unlink()
    assert free_bytes() is None
