"""Settings of the documentation site; `make docs` builds it from the repository's root."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
os.environ["JAX_PLATFORMS"] = "cpu"

from alexnet_jax import __version__  # noqa: E402

project = "alexnet_jax"
author = copyright = "the authors of alexnet_jax"
release = version = __version__

# The source is the whole repository, so that links lead to the same files here and on its host.
root_doc = "docs/index"
include_patterns = ["docs/**", "notebooks/*.ipynb", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = [
    "docs/_build",
    "docs/results",
    ".*",
    "runs",
    "alexnet_jax",
    "experiments",
    "tests",
]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "rendering",  # of this directory: docstrings of plain prose, and the help of commands
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
]

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks are saved with their outputs

# Formulas are drawn by MathJax from a copy in the site, so that it can be read without a network.
# SVG needs no files of fonts.
mathjax_path = "tex-svg-full.js"
_mathjax = Path(str(find_spec("mathjax").origin)).parent / "static" / "mathjax" / "es5"  # type: ignore[union-attr]
html_static_path = ["_static", str(_mathjax / mathjax_path)]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# By name in signatures, not as the 21 presets and the eight layers that they stand for.
autodoc_type_aliases = {"PresetName": "PresetName", "Layer": "Layer"}
autodoc_preserve_defaults = True  # as in the source, not the printed object
autodoc_inherit_docstrings = False  # those of other libraries are not this reference's
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Args of the returned function", "params_style")]

# What the examples of the API reference, `docs/api/index.md`, need.
doctest_global_setup = """
import jax
import jax.numpy as jnp
import optax

import alexnet_jax
from alexnet_jax import ops
"""

nitpicky = True
# A builtin such as `bytes` may be the name of a field, too.
suppress_warnings = ["ref.python"]
# Names of other packages, and those that a package of this one does not offer, have no pages.
nitpick_ignore_regex = [("py:.*", r"(?!alexnet_jax\.).*|alexnet_jax\.\w+\.\w+\..*")]

html_theme = "sphinx_book_theme"
html_title = "alexnet_jax"
highlight_language = "text"
html_context = {"default_mode": "auto"}
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],
    "footer_content_items": "copyright.html",
}
