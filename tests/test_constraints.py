"""The files of tested versions, for the oldest and the newest Python, lie in pyproject's ranges."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FILES = ("python3.11.txt", "python3.13.txt")
# Of extras for machines and tools that the tested environments need not have.
OPTIONAL = {"cuda", "tpu", "peer", "browser", "docs", "notebooks"}
OPTIONAL_OLDEST = OPTIONAL | {"serve", "report", "parquet", "test"}


def versions(name: str) -> dict[str, str]:
    lines = (ROOT / "constraints" / name).read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*", line) for line in pinned)
    found = dict(line.split("==") for line in pinned)
    assert [line.split("==")[0] for line in pinned] == sorted(found)
    return found


@pytest.mark.parametrize("file", FILES)
def test_versions_lie_in_the_ranges_of_the_project(file: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned, extras = versions(file), project["optional-dependencies"]
    groups = {"": project["dependencies"], **extras}
    python = file.removeprefix("python").removesuffix(".txt")
    environment = {**default_environment(), "python_version": python}
    for extra, lines in groups.items():
        for requirement in map(Requirement, lines):
            name = canonicalize_name(requirement.name)
            if requirement.marker is not None and not requirement.marker.evaluate(environment):
                continue
            optional = OPTIONAL_OLDEST if file == FILES[0] else OPTIONAL
            if name == "alexnet-jax" or (extra in optional and name not in pinned):
                continue
            assert name in pinned, f"{extra}: {name}"
            assert requirement.specifier.contains(pinned[name]), f"{name} {pinned[name]}"


def test_files_are_of_the_ends_of_what_is_supported() -> None:
    """The oldest Python with the oldest jax, the newest with the newest."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r"Python :: (3\.\d+)", text)
    assert (f"python{named[0]}.txt", f"python{named[-1]}.txt") == FILES
    oldest, newest = (tuple(map(int, versions(file)["jax"].split(".")[:2])) for file in FILES)
    assert oldest == (0, 10)
    assert newest > oldest


def test_the_container_takes_them() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    (file,) = re.findall(r"--constraint (\S+)", text)
    assert (ROOT / file).is_file()
    assert f"python:{file.removeprefix('constraints/python').removesuffix('.txt')}-slim" in text
    for line in re.findall(r"^COPY (.*)$", text, re.M):
        assert all((ROOT / source).exists() for source in line.split()[:-1]), line
