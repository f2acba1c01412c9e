"""The installed command: its list, its commands, which are those of the scripts, its mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.scripts import EXPERIMENTS, ROOT, call

from alexnet_jax.cli import commands
from alexnet_jax.cli.program import COMMANDS, NAMES, command_module, main
from alexnet_jax.version import __version__

MODULES = {path.stem for path in Path(str(commands.__file__)).parent.glob("[a-z]*.py")}


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line on standard error of a command line that ends with status 2."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    return err


def test_every_command_is_listed_and_has_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    listed = capsys.readouterr().out
    main(["--help"])
    assert capsys.readouterr().out == listed
    lines = [line.split(maxsplit=1) for line in listed.splitlines() if line.startswith("  ")]
    assert dict(lines) == {
        name: does for group in COMMANDS.values() for name, does in group.items()
    }
    assert listed.count("\n") <= 40
    assert all(len(line) <= 100 for line in listed.splitlines())
    assert {command_module(name).__name__.split(".")[-1] for name in NAMES} == MODULES


def test_every_script_runs_a_command() -> None:
    """And every command has a script, but for those about the installed command itself."""
    scripts = {path.stem: path.read_text() for path in EXPERIMENTS.glob("[a-z]*.py")}
    assert set(scripts) | {"claims", "completion", "configs"} == MODULES
    for name, text in scripts.items():
        assert f'run_command("{"import" if name == "import_weights" else name}")' in text


@pytest.mark.parametrize("name", NAMES)
def test_help_names_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    out, err = capsys.readouterr()
    assert (stopped.value.code, err) == (0, "")
    assert out.startswith(f"usage: alexnet-jax {name} ")


def test_a_command_is_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    main(["summary", "small", "--classes", "7"])
    assert capsys.readouterr().out == call("summary", "small", "--classes", 7).out


def test_commands_of_a_plan_are_those_of_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has the package alone has no scripts."""
    main(["reproduce", "--archives", str(tmp_path), "--networks", "1", "--dry-run"])
    out = capsys.readouterr().out
    assert "  alexnet-jax train imagenet_source2012 --data-dir data --workdir runs/repro" in out
    assert "experiments/" not in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"alexnet-jax {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("tran", "unknown command 'tran'; did you mean 'train'? there are configs, train, "),
        ("--foo", "unknown command '--foo'; there are configs, train, "),
        ("train digts", "unknown config 'digts'; did you mean 'digits'? there are cifar_11pct, "),
        ("train digits --set lr=1", "unknown setting 'lr'; did you mean 'learning_rate'? "),
        ("train digits --set batchs=1", "unknown setting 'batchs'; did you mean 'batch'? "),
        ("claims --only lrm --dry-run", "unknown claim 'lrm'; did you mean 'lrn'? "),
        (
            "evaluate run --veiws 10",
            "Unrecognized options: --veiws, 10 (perhaps you meant --views)",
        ),
        ("completion fish", "bash|zsh must be one of bash, zsh, got 'fish'"),
    ],
)
def test_mistakes(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refusal(capsys, *words.split())


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs this Python as if no package were installed for it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_list_needs_nothing_but_python() -> None:
    """So that it is there at once: neither jax nor anything else that takes long is imported."""
    done = python("-m", "alexnet_jax", PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {name} " in done.stdout for name in NAMES)


@pytest.mark.parametrize("script", ["train.py", "paper/lrn.py"])
def test_a_script_without_the_package(script: str) -> None:
    """Of a clone, with a Python for which nothing is installed."""
    done = python(str(EXPERIMENTS / script), "--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: alexnet_jax is not installed for {sys.executable}: in {ROOT}, "
        "pip install '.[train,data,plots]', or make train and then .venv/bin/python\n"
    )


@pytest.mark.parametrize(("command", "package"), [("summary", "tyro"), ("benchmark", "jax")])
def test_a_command_without_its_packages(command: str, package: str) -> None:
    done = python("-m", "alexnet_jax", command, PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"error: {package} is not installed: pip install 'alexnet_jax[train]'\n")
