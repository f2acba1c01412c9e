"""Builds the sdist and the wheel, installs the wheel outside the clone, and uses it there.

First without extras, where the network works and commands say what they need, then with [all].
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]

NETWORK = """
import jax, jax.numpy as jnp
import alexnet_jax
assert "site-packages" in alexnet_jax.__file__, alexnet_jax.__file__
architecture = alexnet_jax.architecture("small")
params = alexnet_jax.init(architecture, jax.random.key(0))
images = jnp.ones((2, architecture.image_size, architecture.image_size, architecture.channels))
loss = lambda params: alexnet_jax.forward(architecture, params, images).sum()
assert jnp.isfinite(jax.jit(jax.grad(loss))(params)["conv1"]["kernel"]).all()
"""


def main() -> None:
    began = perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        wheel = build(place)
        environment = Environment(place / "venv", place / "work")
        environment.install(str(wheel))
        check_lean(environment)
        environment.install(f"{wheel}[all]")
        check_all(environment)
    print(f"built, installed and used outside the clone in {perf_counter() - began:.0f} s")


class Environment:
    """Virtual environment, and an empty directory in which its programs run."""

    def __init__(self, venv: Path, work: Path) -> None:
        self.bin, self.work = venv / "bin", work
        work.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)

    def install(self, *packages: str) -> None:
        options = ("--disable-pip-version-check", "--quiet", "--no-compile")
        self.run("python", "-m", "pip", "install", *options, *packages)

    def run(self, program: str, *arguments: str, status: int = 0) -> str:
        """Runs a program and returns what it writes; SystemExit unless it ends with the status."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.work,
            env=kept | {"XDG_CACHE_HOME": str(self.work / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != status:
            words = " ".join((program, *arguments))
            raise SystemExit(f"{words} ended with {done.returncode}, not {status}:\n{done.stdout}")
        return done.stdout


def build(place: Path) -> Path:
    """Builds both from a copy of the project's files; the wheel comes from the sdist."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    files = [name for name in names.stdout.splitlines() if (ROOT / name).exists()]
    for name in files:
        (place / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / "clone" / name, follow_symlinks=False)
    builder = Environment(place / "builder", place)
    builder.install("build")
    builder.run("python", "-m", "build", "--outdir", "dist", "clone")
    (wheel,), (sdist,) = (list((place / "dist").glob(kind)) for kind in ("*.whl", "*.tar.gz"))
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {name for name in files if name.startswith("alexnet_jax/")}
    require("the wheel", in_wheel, package)
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    own = {"PKG-INFO", "setup.cfg"} | {name for name in in_sdist if ".egg-info" in name}
    folders = {str(folder) for name in in_sdist for folder in Path(name).parents} | {""}
    configs = {f"experiments/{name.partition('/')[2]}" for name in package if "/configs/" in name}
    require("the sdist", in_sdist - own - folders, {*files} - {"experiments/configs"} | configs)
    return wheel


def require(what: str, found: set[str], expected: set[str]) -> None:
    """SystemExit unless a distribution holds the expected files."""
    if found != expected:
        missing, more = sorted(expected - found), sorted(found - expected)
        raise SystemExit(f"{what} lacks {missing} and should not hold {more}")


def check_lean(environment: Environment) -> None:
    """With jax, flax, optax and numpy alone."""
    environment.run("python", "-c", NETWORK)
    for arguments in (["--help"], ["--version"], ["benchmark", "--help"]):
        environment.run("alexnet-jax", *arguments)
    told = environment.run("alexnet-jax", "summary", status=2)
    assert told == "error: tyro is not installed: pip install 'alexnet_jax[train]'\n", told


def check_all(environment: Environment) -> None:
    picture = str(ROOT / "docs" / "images" / "digit_3.png")
    digits = (ROOT / "alexnet_jax" / "configs" / "digits.py").read_text(encoding="utf-8")
    assert environment.run("alexnet-jax", "configs", "digits") == digits
    assert "\nphotos " in environment.run("alexnet-jax", "configs")
    assert "conv5" in environment.run("alexnet-jax", "summary")
    told = environment.run("alexnet-jax", "compile", "--target", "v5e", status=2)
    assert told == "error: libtpu is not installed: pip install 'alexnet_jax[tpu]'\n", told
    environment.run("alexnet-jax", "train", "digits", "--steps", "3")
    assert "report.html" in environment.run("alexnet-jax", "report", "runs/digits")
    assert picture in environment.run(
        "python", "-m", "alexnet_jax", "predict", "runs/digits", picture
    )


if __name__ == "__main__":
    main()
