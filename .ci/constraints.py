"""Print the versions of this environment's packages that this project or its extras need.

    .venv/bin/python .ci/constraints.py > constraints/python3.13.txt

Of an environment in which the tests have passed. Packages of extras that are not installed there
(cuda, tpu, peer) are left out.
"""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OWN = "alexnet-jax"


def needed() -> dict[str, str]:
    """Return the installed versions of all packages needed, directly or by others, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    todo = [Requirement(text) for one in lists for text in one]
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for extra in {"", *requirement.extras} - {e for n, e in seen if n == name}:
            seen.add((name, extra))
            for text in package.requires or ():
                further = Requirement(text)
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    todo.append(further)
        if name != OWN:
            versions[name] = package.version.split("+")[0]  # a local build, such as "+cpu"
    return versions


def main() -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    print(f"# Versions with which the tests pass on Python {version}, Linux x86-64, CPU.")
    print(f"# pip install -c constraints/python{version}.txt '.[all]'")
    for name, installed in sorted(needed().items()):
        print(f"{name}=={installed}")


if __name__ == "__main__":
    main()
