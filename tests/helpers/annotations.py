"""Annotations of functions and classes as they are written, with the names that they are made of.

The source is read, since an alias has no name when it runs, and what stands under TYPE_CHECKING
does not run.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import types
from collections.abc import Callable, Iterator


def mentions_of_any(value: Callable[..., object]) -> list[str]:
    """List the annotations of a function, or of a class's public parts, that lead to Any.

    Aliases of the package are followed. Classes are not, nor what other packages call their types.
    """
    written = inspect.unwrap(value)
    module, name = written.__module__, written.__name__
    node = _bindings(module)[name]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef), (module, name)
    return [
        f"{module}.{name}: {ast.unparse(annotation)}"
        for annotation in _annotations(node)
        if _leads_to_any(module, annotation)
    ]


def imports(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    """Yield the names that a module imports from others, by its text, with what they stand for."""
    for name, statement in _bindings(module.__name__).items():
        match statement:
            case ast.ImportFrom(module=str(source), names=names):
                original = next(a.name for a in names if (a.asname or a.name) == name)
                origin = importlib.import_module(source)
                if hasattr(origin, original):
                    yield name, getattr(origin, original)


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.FunctionDef(args=args, returns=returns):
            each = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
            found = [arg.annotation for arg in each if arg is not None]
            yield from (one for one in [*found, returns] if one is not None)
        case ast.ClassDef(body=body, bases=bases):
            yield from bases
            for part in body:
                yield from _annotations(part) if _is_public(part) else ()
        case ast.AnnAssign(annotation=annotation):
            yield annotation
        case ast.If(body=body, orelse=others):
            for part in (*body, *others):
                yield from _annotations(part) if _is_public(part) else ()


def _is_public(node: ast.AST) -> bool:
    name = getattr(node, "name", getattr(getattr(node, "target", None), "id", ""))
    return not name.startswith("_") or name.endswith("__")


def _leads_to_any(module: str, node: ast.AST) -> bool:
    match node:
        case ast.Name(id="Any") | ast.Attribute(attr="Any"):
            return True
        case ast.Name(id=name):
            return _alias_leads_to_any(module, name)
        case ast.Constant(value=str(text)):
            return _leads_to_any(module, ast.parse(text, mode="eval"))
        case ast.Subscript(value=ast.Name(id="Literal")):
            return False  # values
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return _leads_to_any(module, first)
        case ast.Call(func=ast.Name(id="TypeVar"), args=[_, *kinds], keywords=bounds):
            return any(_leads_to_any(module, part) for part in (*kinds, *bounds))
    return any(_leads_to_any(module, part) for part in ast.iter_child_nodes(node))


@functools.cache
def _alias_leads_to_any(module: str, name: str) -> bool:
    match _bindings(module).get(name):
        case ast.ImportFrom(module=str(source)) as imported if source.startswith("alexnet_jax"):
            original = next(a.name for a in imported.names if (a.asname or a.name) == name)
            # A package that imports its own module: the name is no alias.
            return (source, original) != (module, name) and _alias_leads_to_any(source, original)
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _leads_to_any(module, value)
    return False


@functools.cache
def _bindings(module: str) -> dict[str, ast.stmt]:
    """Return the statements of a module that bind names at its top, or in a branch there."""
    statements = ast.parse(inspect.getsource(importlib.import_module(module))).body
    bound: dict[str, ast.stmt] = {}
    while statements:
        statement = statements.pop(0)
        match statement:
            case ast.If(body=body, orelse=others):
                statements[:0] = [*body, *others]
            case ast.ImportFrom(names=names):
                bound.update({alias.asname or alias.name: statement for alias in names})
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                bound[name] = statement
    return bound
