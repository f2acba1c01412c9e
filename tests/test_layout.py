"""The shape of the code: imports point one way, and the light half stays light."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import alexnet_jax

PACKAGE = Path(alexnet_jax.__file__).parent
# From the ground up: a package imports those before it, by the names that they offer.
ORDER = (
    "ops",
    "display",
    "pickles",
    "network",
    "runtime",
    "data",
    "parallel",
    "runs",
    "checkpoints",
    "inference",
    "weights",
    "training",
    "analysis",
    "planning",
    "reporting",
    "serving",
    "bench",
    "compiling",
    "paper",
    "cli",
)
ROOT = {"__init__.py", "nnx.py", "__main__.py", "errors.py", "version.py", "py.typed"}
CONFIGS = PACKAGE / "configs"  # files that are run, and no package


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of everything of this package that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if within(alias.name))
        elif isinstance(node, ast.ImportFrom) and within(node.module or ""):
            yield from ((str(node.module), alias.name) for alias in node.names)


def within(module: str) -> bool:
    return module.split(".")[0] == "alexnet_jax"


def offered(package: Path) -> set[str]:
    """The names in `__all__` of a package."""
    for node in ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def wrong_import(own: str, module: str, name: str) -> str | None:
    """What is wrong with `from module import name` in the package `own`, if anything."""
    parts = [part for part in (*module.split(".")[1:], name) if part]
    if not parts or parts[0] in ("errors", "version") or parts[0] == own:
        return None
    if parts[0] not in ORDER or ORDER.index(parts[0]) > ORDER.index(own):
        return "points upwards"
    door = PACKAGE.joinpath(*module.split(".")[1:])
    if door != PACKAGE and not door.is_dir():
        return "reaches into another package's insides"
    if door != PACKAGE and name not in offered(door):
        return f"takes what {door.name} does not offer"
    return None


def test_imports_point_one_way_and_take_what_is_offered() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 100
    wrong = []
    for path in files:
        own = path.relative_to(PACKAGE).parts[0]
        if own in ROOT or path.is_relative_to(CONFIGS):
            continue
        wrong += [
            f"{path.relative_to(PACKAGE)}: {module} {name} {fault}"
            for module, name in imports(path)
            if (fault := wrong_import(own, module, name))
        ]
    assert not wrong


def file_of(module: str, name: str) -> Path:
    """The file that `from module import name` reads first: a module of that name, or the module."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    inside = (place / name, place) if name else (place,)
    files = (file for at in inside for file in (at.with_suffix(".py"), at / "__init__.py"))
    return next(file for file in files if file.is_file())


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither inside a package nor for types alone; the root's door is left out."""
    files = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE]
    needs = {path: {file_of(*taken) for taken in imports(path)} & set(files) for path in files}
    TopologicalSorter(needs).prepare()  # raises CycleError


def test_what_is_wrong_with_an_import() -> None:
    """The check itself: each kind of fault is found."""
    assert wrong_import("ops", "alexnet_jax.network", "Architecture") == "points upwards"
    assert "insides" in str(wrong_import("data", "alexnet_jax.network.plan", "stream"))
    assert "does not offer" in str(wrong_import("data", "alexnet_jax.network", "_within"))
    assert wrong_import("data", "alexnet_jax.network", "Architecture") is None
    assert wrong_import("data", "alexnet_jax.data.images", "read_stored") is None
    assert wrong_import("training", "alexnet_jax", "data") is None


def test_scripts_take_what_is_offered() -> None:
    """Scripts, configs and notebooks do as users should: names that packages offer, and no insides;
    of the command line, which is theirs, any module."""
    root = PACKAGE.parent
    scripts = (root / "experiments").rglob("*.py")
    for path in [*scripts, *CONFIGS.glob("*.py"), *(root / "notebooks").glob("*.py")]:
        for module, name in imports(path):
            door = PACKAGE.joinpath(*module.split(".")[1:])
            if module.split(".")[1:2] in (["cli"], ["errors"]):
                continue
            assert door.is_dir(), f"{path.name} reaches into {module}"
            assert door == PACKAGE or name in offered(door), f"{path.name}: {module} {name}"


def needed(package: str, direct: dict[str, set[str]]) -> set[str]:
    """The packages that one needs, directly or through others."""
    return direct[package].union(*(needed(other, direct) for other in direct[package]))


def test_the_map_is_up_to_date() -> None:
    """docs/images/map.svg names every package, and its arrows, listed in its description, lead to
    all that each imports, with none to spare; if not, `python docs/map.py` draws it again."""
    picture = (PACKAGE.parent / "docs" / "images" / "map.svg").read_text(encoding="utf-8")
    described = re.search("<dc:description>(.*?)</dc:description>", picture, re.DOTALL)
    assert described is not None
    parts = [part.split(":") for part in described[1].split(";")]
    arrows = {name.strip(): set(re.findall(r"\w+", others)) for name, others in parts}
    assert set(arrows) == set(ORDER) == set(re.findall("<!-- ([a-z]+) -->", picture)) & set(ORDER)
    real: dict[str, set[str]] = {package: set() for package in ORDER}
    for package, others in real.items():
        for path in (PACKAGE / package).rglob("*.py"):
            for module, name in imports(path):
                others.update({f"{module}.{name}".split(".")[1]} & set(ORDER) - {package})
    for package in ORDER:
        assert needed(package, arrows) == needed(package, real), package
        assert arrows[package] <= real[package], package
        for other in arrows[package]:
            assert other not in set().union(*(needed(via, arrows) for via in arrows[package]))


def test_every_package_says_its_job() -> None:
    """The root holds packages and little else; each begins with its job in one line."""
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == ROOT
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(ORDER)
    for path in PACKAGE.rglob("__init__.py"):
        job = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        assert job.endswith("."), path
        assert len(job) > 20, path


def test_tests_lie_in_the_same_folders() -> None:
    tests = Path(__file__).parent
    folders = {path.parent.name for path in tests.rglob("test_*.py")} - {"tests", "faults"}
    assert folders == set(ORDER)


def test_experiments_import_the_package_and_not_each_other() -> None:
    """But for the files that begin with an underscore, which start a command."""
    scripts = sorted((PACKAGE.parent / "experiments").rglob("[a-z]*.py"))
    names = {path.stem for path in scripts}
    for path in scripts:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not names & {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module not in names


def test_files_and_functions_are_short() -> None:
    for path in [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "experiments").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 250, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                body = [line for line in ast.unparse(node).splitlines() if line.strip()]
                documented = len(ast.get_docstring(node, clean=False) or "") and len(
                    (ast.get_docstring(node) or "").splitlines()
                )
                assert len(body) - documented <= 45, f"{path.name}: {node.name}"


def test_import_needs_only_jax_flax_optax_numpy() -> None:
    """The model and the training step, too, on a machine that lacks the data, checkpoint,
    command-line and plotting libraries."""
    code = (
        "import sys\n"
        "for name in ('orbax', 'sklearn', 'skimage', 'PIL', 'matplotlib', 'tyro', 'chex',\n"
        "             'tensorflow_datasets', 'array_record', 'grain', 'safetensors', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "import alexnet_jax, alexnet_jax.training, alexnet_jax.data, alexnet_jax.inference\n"
        "import alexnet_jax.cli.benchmark, alexnet_jax.bench, alexnet_jax.weights\n"
        "alexnet_jax.summary(alexnet_jax.architecture())\n"
        "alexnet_jax.TrainConfig(name='a', data='digits', steps=1)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_public_names() -> None:
    for name in alexnet_jax.__all__:
        assert getattr(alexnet_jax, name) is not None
    assert callable(alexnet_jax.load_checkpoint)
