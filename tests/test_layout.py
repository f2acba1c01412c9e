"""The shape of the code: imports point one way, and the light half stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import alexnet_jax

PACKAGE = Path(alexnet_jax.__file__).parent
# Lower layers may not import higher ones. Modules of one level may import each other downwards
# in the order they stand here.
LEVELS = (
    ("errors", "version", "contiguous", "ops"),
    (
        "layers",
        "recipe",
        "changes",
        "data",
        "interrupt",
        "preemption",
        "pace",
        "console",
        "endings",
        "cli",
        "hlo",
        "compile_cache",
        "processes",
        "joining",
        "digests",
        "keep",
        "listing",
        "refusals",
        "writing",
        "quiet",
        "determinism",
    ),
    ("config",),
    ("tables", "towers"),
    ("presets",),
    ("apply",),
    (
        "model",
        "summary",
        "model_card",
        "figures",
        "figures_network",
        "figures_scaling",
        "figures_claims",
        "figures_look",
    ),
    ("augment", "metrics", "crossings", "placement", "parallel", "optim", "checkpoint", "workdir"),
    ("health",),
    ("similarity", "feature_file", "neighbourhood"),
    ("state", "train", "evaluate", "features", "job", "communication", "communication_table"),
    ("diagnosis",),
    (
        "scaling",
        "scaling_traffic",
        "scaling_table",
        "scaling_measure",
        "scaling_compare",
        "bench_input",
    ),
    ("inference", "extraction", "starting", "fit"),
    ("weights",),
    ("bench",),
    ("paper", "look"),
    ("",),  # the package's own list of public names
)


def level(module: str) -> int:
    head = module.removeprefix("alexnet_jax").lstrip(".").split(".")[0]
    return next(place for place, names in enumerate(LEVELS) if head in names)


def imports(path: Path) -> set[str]:
    """The package's modules that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = {f"{node.module}.{alias.name}" for alias in node.names}
            files = {
                m for m in modules if (PACKAGE.parent / (m.replace(".", "/") + ".py")).exists()
            }
            packages = {m for m in modules if (PACKAGE.parent / m.replace(".", "/")).is_dir()}
            found |= (files | packages) or {node.module}
    return {name for name in found if name.split(".")[0] == "alexnet_jax"}


def test_imports_point_one_way() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 20
    wrong = []
    for path in files:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        wrong += [
            f"{module} imports {other}" for other in imports(path) if level(other) > level(module)
        ]
    assert not wrong


def test_experiments_import_the_package_and_not_each_other() -> None:
    scripts = sorted((PACKAGE.parent / "experiments").glob("*.py"))
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
        "for name in ('orbax', 'sklearn', 'PIL', 'matplotlib', 'tyro', 'chex',\n"
        "             'tensorflow_datasets', 'grain'):\n"
        "    sys.modules[name] = None\n"
        "import alexnet_jax, alexnet_jax.train, alexnet_jax.augment, alexnet_jax.evaluate\n"
        "alexnet_jax.summary(alexnet_jax.architecture())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_public_names() -> None:
    for name in alexnet_jax.__all__:
        assert getattr(alexnet_jax, name) is not None
    assert callable(alexnet_jax.load_checkpoint)
