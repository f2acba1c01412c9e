"""Plant known faults in a copy of the project, one at a time, and see that its tests notice.

    python tests/mutations/run.py [--only NAME|PACKAGE ...] [--jobs N] [--clean]

A fault is a table of one of the .toml files beside this one, a file for each package: `file`, the
text `old`, which stands there once, the text `new`, and the `tests` that should fail.
"""

from __future__ import annotations

import argparse
import compileall
import os
import py_compile
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PARTS = ("alexnet_jax", "tests", "experiments", "docs", "notebooks")
LIMIT = 300  # seconds for the tests of one fault; the slowest take about a minute
PASSED, FAILED = 0, 1  # of pytest's exit statuses; others are no verdict on the code


@dataclass(frozen=True)
class Mutation:
    """A fault in one file of a package, and the tests that should notice it."""

    package: str
    name: str
    file: str  # below the package
    old: str
    new: str
    tests: tuple[str, ...]  # below tests/

    @property
    def path(self) -> str:
        return f"alexnet_jax/{self.package}/{self.file}"


def mutations() -> list[Mutation]:
    """All faults, in the order of packages by name."""
    found = []
    for file in sorted(HERE.glob("*.toml")):
        for name, fields in tomllib.loads(file.read_text(encoding="utf-8")).items():
            tests = tuple(fields.pop("tests"))
            found.append(Mutation(file.stem, name, tests=tests, **fields))
    return found


def copy_project(place: Path) -> None:
    """Copies what the tests need, compiled so that an edited file is compiled anew."""
    for part in PARTS:
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy2(file, place)
    # By content: within a second an edit may leave size and time of a file as they were.
    by_content = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(place / "alexnet_jax", quiet=1, invalidation_mode=by_content)


def run_tests(
    place: Path, tests: Sequence[str], *options: str, limit: float | None = LIMIT
) -> tuple[int, str]:
    """Exit status and output of pytest in a copy, or -1 where it takes too long.

    Copies share pytest's cache directory, which holds compiled programs, and nothing else.
    """
    cache = ROOT / ".pytest_cache" / "mutations"
    path = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={cache}", *options]
    process = subprocess.Popen(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=place,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with all that the tests have started
            return -1, f"took more than {limit} s"
    return process.returncode, output


def verdict(mutation: Mutation, place: Path) -> str:
    """Plants a fault, runs its tests, mends the copy: caught, NOT caught, or broken and why."""
    file = place / mutation.path
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    count = text.count(mutation.old)
    if count != 1:
        return f"broken: the old text stands {count} times in {mutation.path}"
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        status, output = run_tests(place, mutation.tests, "-x")
    finally:
        file.write_text(text, encoding="utf-8")
    if status in (PASSED, FAILED):
        return "caught" if status == FAILED else "NOT caught"
    return f"broken: pytest ended with {status}: {(output.strip().splitlines() or [''])[-1]}"


def plant(asked: list[Mutation], jobs: int) -> int:
    """Plants each fault and prints a line; the number of those that were caught."""
    places: queue.SimpleQueue[Path] = queue.SimpleQueue()

    def one(mutation: Mutation) -> bool:
        place, began = places.get(), time.monotonic()
        try:
            found = verdict(mutation, place)
        finally:
            places.put(place)
        seconds = time.monotonic() - began
        print(f"{seconds:5.1f} s  {mutation.package}/{mutation.name}: {found}", flush=True)
        return found == "caught"

    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(jobs) as pool:
        for number in range(jobs):
            place = Path(directory) / f"copy{number}"
            place.mkdir()
            copy_project(place)
            require_imported(place)
            places.put(place)
        return sum(pool.map(one, asked))


def require_imported(place: Path) -> None:
    """SystemExit unless tests and their scripts import the copy and not what is installed."""
    code = "import alexnet_jax; print(alexnet_jax.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place.parent,
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    if not Path(done.stdout.strip()).resolve().is_relative_to(place.resolve()):
        sys.exit(f"{done.stdout.strip()} is imported in place of the copy in {place}")


def run_clean(asked: list[Mutation]) -> int:
    """Exit status of the same tests without a fault, which are to pass."""
    tests = sorted({test for mutation in asked for test in mutation.tests})
    with tempfile.TemporaryDirectory() as directory:
        copy_project(Path(directory))
        status, output = run_tests(Path(directory), tests, limit=None)
    print(output)
    return status


def main() -> int:
    """Exit status: 1 unless all faults are caught, with --clean pytest's own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="faults or packages")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="at a time (1)")
    parser.add_argument("--clean", action="store_true", help="run the tests without a fault")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    every, only = mutations(), set(options.only)
    if unknown := sorted(only - {word for one in every for word in (one.name, one.package)}):
        parser.error(f"--only: no fault and no package is called {', '.join(unknown)}")
    asked = [one for one in every if not only or {one.name, one.package} & only]
    if options.clean:
        return run_clean(asked)
    caught = plant(asked, options.jobs)
    print(f"{caught} of {len(asked)} caught")
    return int(caught < len(asked))


if __name__ == "__main__":
    sys.exit(main())
