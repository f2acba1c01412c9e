"""Every file of a checkpoint in turn damaged in every way.

What is read is what was saved, damage is told in one line, and the libraries beneath say nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.damage import DAMAGES
from helpers.saved import save
from helpers.scripts import ROOT


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pristine") / "checkpoints"
    save(directory, [2, 4])
    return directory


def files(pristine: Path, pattern: str) -> list[str]:
    found = sorted(path for path in (pristine / "4").glob(pattern) if path.is_file())
    return [str(path.relative_to(pristine)) for path in found]


def answers(pristine: Path, cases: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What a process without a command's settings answers to all of them."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-m", "helpers.damage", str(pristine)],
        input="".join(f"{name}|{file}\n" for name, file in cases),
        env=os.environ | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [tuple(answer["case"]) for answer in found] == cases
    return found


def assert_told(answer: dict[str, Any]) -> None:
    """The step before, with one message of one line; or the newest, without a word."""
    assert answer["written"] == "", answer
    assert (answer["step"], len(answer["told"])) in ((4, 0), (2, 1)), answer
    for text in answer["told"]:
        assert text.startswith("checkpoint 4 "), answer
        assert text.endswith("; trying the one before"), answer
        assert "\n" not in text, answer
        assert len(text) < 300, answer


# Of each file that every tree has, and of the step's own, a damage that some layer beneath notices.
SOME = [
    ("deleted", "_CHECKPOINT_METADATA"),
    ("other type", "loop/_METADATA"),
    ("empty", "params/_METADATA"),
    ("half", "params/array_metadatas/process_0"),
    ("directory", "opt/d/*"),
    ("middle byte", "params/d/*"),
    ("zeros", "params/manifest.ocdbt"),
    ("link", "loop/manifest.ocdbt"),
]


def test_some_damage_of_each_file_is_one_line(pristine: Path) -> None:
    cases = [(name, file) for name, pattern in SOME for file in files(pristine, pattern)]
    found = answers(pristine, cases)
    for answer in found:
        assert_told(answer)
    assert len(found) >= len(SOME)
    assert sum(answer["step"] == 2 for answer in found) >= len(SOME) - 2


@pytest.mark.exhaustive
@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "other type"])
def test_every_damage_of_every_file_is_one_line(pristine: Path, damage: str) -> None:
    cases = [(damage, file) for file in files(pristine, "**/*")]
    assert len(cases) > 20
    if damage in ("first byte", "middle byte", "last byte"):
        cases = [case for case in cases if (pristine / case[1]).stat().st_size]
    found = answers(pristine, cases)
    for answer in found:
        assert_told(answer)
    assert {answer["step"] for answer in found} == {2, 4}  # some files are needed, some are not
