"""What the site makes of docstrings in plain prose, and of the commands' own help."""

from __future__ import annotations

import io
import os
import re
from contextlib import redirect_stdout
from dataclasses import InitVar, is_dataclass
from importlib import import_module
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_origin, get_type_hints

from docutils import nodes
from sphinx import addnodes
from sphinx.util import inspect
from sphinx.util.typing import stringify_annotation

from alexnet_jax.cli.program import COMMANDS, main

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SECTION = re.compile(
    r"(Args( of the returned function)?|Returns|Raises|Yields|Attributes|Examples?|Notes?):$"
)
LONGEST = 30  # characters of a word in a line of a phone
MATHEMATICS = Path(__file__).parent / "mathematics" / "index.md"
MATHEMATICS_IN_CONTENTS = """```{toctree}
:caption: Mathematics
:hidden:

mathematics/index
```"""
HELP_OF_COMMANDS = "<!-- help of every command -->\n"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", format_docstring, priority=1)  # before napoleon
    app.connect("autodoc-process-signature", format_signature)
    app.connect("autodoc-skip-member", skip_foreign_class)
    app.connect("doctree-read", show_plain_types)
    app.connect("doctree-read", mark_long_names)
    app.connect("source-read", complete_page)
    return {"parallel_read_safe": True}


def format_docstring(
    app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]
) -> None:
    """Turn a docstring of plain prose into reStructuredText, in place; drop one of a type."""
    of_type = item.__doc__ == type(item).__doc__ and what == "data"
    lines[:] = [] if of_type else to_restructured_text(lines)
    if what in ("attribute", "property", "data"):
        lines.insert(0, "\\")  # prints nothing; napoleon reads `type: text` in the first line


def skip_foreign_class(
    app: Sphinx, what: str, name: str, item: object, skip: bool, options: object
) -> bool | None:
    """Leave out a field whose default is a class of another library, such as a dtype."""
    foreign = isinstance(item, type) and not item.__module__.startswith("alexnet_jax")
    return True if foreign else None


def format_signature(
    app: Sphinx,
    what: str,
    name: str,
    item: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Return the signature of a dataclass as its source has it, and of others with types by name.

    Left out are what `Annotated` adds to a type for checks, `InitVar`, and objects as defaults.
    """
    if not (what == "class" and is_dataclass(item) and signature):
        return by_name(signature), by_name(returns)
    found = inspect.signature(item)
    plain = found.replace(parameters=[_plain(one) for one in found.parameters.values()])
    return inspect.stringify_signature(
        plain, show_return_annotation=False, unqualified_typehints=True
    ), returns


def by_name(text: str | None) -> str | None:
    """Return a signature in which the names of `autodoc_type_aliases` stand for themselves.

    Inside other types, autodoc prints its own class around them.
    """
    return text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text)


def _plain(parameter: Parameter) -> Parameter:
    """Return a parameter with the type that a caller passes."""
    kind, default = parameter.annotation, parameter.default
    if get_origin(kind) is Annotated:
        kind = kind.__origin__
    if isinstance(kind, InitVar):
        kind = kind.type
    if default is not Parameter.empty and re.fullmatch("<.*>", repr(default)):
        default = inspect.DefaultValue(getattr(default, "__name__", "..."))
    return parameter.replace(annotation=kind, default=default)


def show_plain_types(app: Sphinx, doctree: nodes.document) -> None:
    """Show the type of a field without what `Annotated` adds to it for checks, in place."""
    for signature in doctree.findall(addnodes.desc_signature):
        kind = next(signature.findall(addnodes.desc_annotation), None)
        if kind is None or not re.search(r"Annotated\[|<lambda>", kind.astext()):
            continue
        owner = getattr(import_module(signature["module"]), signature["class"])
        name = signature["fullname"].rpartition(".")[2]
        written = stringify_annotation(get_type_hints(owner)[name], "fully-qualified-except-typing")
        text = addnodes.desc_sig_name("", written, support_smartquotes=False)
        kind[:] = [addnodes.desc_sig_punctuation("", ":"), addnodes.desc_sig_space(), text]


def mark_long_names(app: Sphinx, doctree: nodes.document) -> None:
    """Give literals with a word too long for a phone's line the class `long`, of the style sheet.

    They may break anywhere; the others stay whole, since a break within `--option` misleads.
    """
    for literal in doctree.findall(nodes.literal):
        if any(len(word) > LONGEST for word in literal.astext().split()):
            literal["classes"].append("long")


def to_restructured_text(lines: list[str]) -> list[str]:
    """Return prose with its indented formulas as literal blocks and its `names` as literals.

    Characters that mean something in reStructuredText stand for themselves, as they do for a
    reader of the source. Sections such as `Args:`, which are indented too, are left to napoleon.
    """
    written: list[str] = []
    in_section = in_formula = in_example = False
    for number, line in enumerate(lines):
        indented = line.startswith("  ")
        if SECTION.match(line):
            in_section, in_formula, in_example = True, False, line.startswith("Example")
        elif line and not indented:
            in_section = in_formula = in_example = False
        elif indented and not in_section and not in_formula and not lines[number - 1].strip():
            written += ["::", ""]
            in_formula = True
        written.append(line if in_formula or in_example else escape(line))
    return written


def escape(line: str) -> str:
    """Return a line with `names` as literals, and nothing else that is markup."""
    parts = re.split(r"`+([^`]+)`+", line)
    for number, part in enumerate(parts):
        parts[number] = f"``{part}``" if number % 2 else re.sub(r"([*|\\]|_\b)", r"\\\1", part)
    return "".join(parts)


def complete_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Add to a page what plain Markdown cannot hold: tables of contents, and generated text."""
    if page == "docs/index" and MATHEMATICS.is_file():
        source[0] = source[0].replace("<!-- mathematics -->", MATHEMATICS_IN_CONTENTS)
    if page == "docs/commands":
        source[0] = source[0].replace(HELP_OF_COMMANDS, "\n".join(help_of_commands()))
    if page == "docs/mathematics/index":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"


def help_of_commands() -> list[str]:
    """Return a section for every group of commands, with what `--help` of each prints."""
    written: list[str] = []
    for group, commands in COMMANDS.items():
        written.append(f"## {group}\n")
        for command in commands:
            printed = help_of(command)
            written.append(f"### {command}\n\n```text\n{printed}\n```\n")
            for kind in subcommands(printed):
                written.append(f"#### {command} {kind}\n\n```text\n{help_of(command, kind)}\n```\n")
    return written


def subcommands(printed: str) -> list[str]:
    """Return the names of the subcommands that a help lists."""
    usage, _, listed = printed.partition(" subcommands ")
    names = re.search(r"\{([\w,]+)\}", usage)
    return names[1].split(",") if names and listed else []


def help_of(*words: str) -> str:
    """Return the help of a command, 80 columns wide and without colours."""
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            main([*words, "--help"])
    except SystemExit as end:
        if end.code:
            raise
    return "\n".join(line.rstrip() for line in printed.getvalue().rstrip().splitlines())
