"""Completion on the command line: what bash makes of the script that is printed for it."""

import subprocess
from pathlib import Path

import pytest

from alexnet_jax.cli.program import NAMES, main

# Completes each line of standard input as bash does after a tab at its end.
COMPLETE = """
source "$1"
while IFS= read -r line; do
  read -ra COMP_WORDS <<< "$line"
  [[ $line == *' ' ]] && COMP_WORDS+=("")
  COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )) COMP_LINE=$line COMP_POINT=${#line}
  "$(complete -p alexnet-jax | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
  echo "${#COMPREPLY[@]} ${COMPREPLY[*]}"
done
"""

LINES = {
    "alexnet-jax ": " ".join(["-h", "--help", *sorted(NAMES)]),
    "alexnet-jax ev": "evaluate",
    "alexnet-jax train --st": "--start-from --steps",
    "alexnet-jax train digits --work": "--workdir",
    "alexnet-jax prepare im": "imagenet",
    "alexnet-jax features extract run --lay": "--layer",
    "alexnet-jax benchmark --steps": "--steps-per-dispatch",
    "alexnet-jax benchmark --kernels --no": "",  # a flag that argparse has in one form only
    "alexnet-jax predict run --checkpoint best --vi": "--views",
    "alexnet-jax claims --on": "--only",
    "alexnet-jax look ru": "",  # left to the shell, which completes names of files
    "alexnet-jax train --workdir FOLDER/app": "FOLDER/apple",
}


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    main(["completion", shell])
    return capsys.readouterr().out


def test_bash_completes_commands_options_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "apple").touch()
    (tmp_path / "completion").write_text(script("bash", capsys))
    lines = [line.replace("FOLDER", str(tmp_path)) for line in LINES]
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", tmp_path / "completion"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    for (line, expected), answer in zip(LINES.items(), done.stdout.splitlines(), strict=True):
        count, *words = answer.split()
        assert words == expected.replace("FOLDER", str(tmp_path)).split(), line
        assert int(count) == len(words), line  # no empty one, for which files are not offered


def test_names_of_files_are_completed_where_nothing_else_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert script("bash", capsys).splitlines()[-1].startswith("complete -o default -F ")
    lines = script("zsh", capsys).splitlines()
    assert lines[0] == "#compdef alexnet-jax"
    assert lines[-1] == '_tyro_alexnet_jax "$@" || _files'
