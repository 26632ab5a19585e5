"""Which definitions can a function reach? Read from the source, nothing is imported.

A definition is what stands at the top of a module under a name: a function, a class, a constant. It reaches every
definition that its source names, directly or through a package that passes a name on.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

LOOSE = "<statements>"
"""Name of a module's statements that define nothing: they run whenever anything of the module is used."""

REGISTERING = ("experiment", "figure")
"""Decorators ``@study.experiment(...)``: what stands in them is a run's parameters, not its code."""


class Definition(NamedTuple):
    """A name at the top of a module; :data:`LOOSE` for the statements without one."""

    module: str
    name: str


@dataclass
class Source:
    """A module's definitions, and where its imported names come from."""

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # local name -> (module, name in it or "")

    def define(self, name: str, statement: ast.stmt) -> None:
        """Add a statement to what a name means."""
        self.definitions.setdefault(name, []).append(statement)


class Reach:
    """What can be reached from definitions of some packages.

    Args:
        places: importable package -> its folder; everything else is outside, and not looked into.
        outside: packages within these that are not looked into either.
    """

    def __init__(self, places: Mapping[str, Path], outside: Iterable[str] = ()):
        self.places = dict(places)
        self.outside = tuple(outside)
        self._files: dict[str, Path | None] = {}
        self._references: dict[Definition, dict[str, Definition]] = {}
        self._contents: dict[Definition, bytes] = {}

    def file(self, module: str) -> Path | None:
        """Where a module is; None where it is outside or doesn't exist."""
        if module not in self._files:
            self._files[module] = self._find(module)
        return self._files[module]

    def _find(self, module: str) -> Path | None:
        if any(_within(module, package) for package in self.outside):
            return None
        for package, folder in self.places.items():
            if _within(module, package):
                path = folder.joinpath(*module.removeprefix(package).split(".")[1:])
                return next((p for p in (path.with_name(f"{path.name}.py"), path / "__init__.py") if p.is_file()), None)
        return None

    def whole(self, module: str) -> list[Definition]:
        """All definitions of a module."""
        path = self.file(module)
        return [Definition(module, name) for name in _source(path, module).definitions] if path else []

    def fingerprint(self, roots: Iterable[Definition]) -> str:
        """A hash of all definitions that can be reached, the same wherever in the packages they stand."""
        reached = self.reached(roots)
        digest = hashlib.sha256()
        for content in sorted(self._content(definition) for definition in reached):
            digest.update(content)
        return digest.hexdigest()[:16]

    def reached(self, roots: Iterable[Definition]) -> set[Definition]:
        """The definitions that can be reached, the roots among them."""
        reached: set[Definition] = set()
        waiting = list(roots)
        while waiting:
            definition = waiting.pop()
            if definition in reached:
                continue
            reached.add(definition)
            waiting.extend(self.references(definition).values())
            waiting.extend(self._run_on_import(definition.module))
        return reached

    def references(self, definition: Definition) -> dict[str, Definition]:
        """What a definition names: text -> the definition behind it."""
        if definition not in self._references:
            path = self.file(definition.module)
            found: dict[str, Definition] = {}
            if path:
                source = _source(path, definition.module)
                for statement in source.definitions.get(definition.name, ()):
                    said = _said(statement)
                    imports = source.imports | _imports(said.imported, definition.module, path)
                    for root, *attributes in said.chains:
                        if root in source.definitions and imports.get(root) == source.imports.get(root):
                            found[f"{root}.{root}"] = Definition(definition.module, root)
                        if root in imports:
                            for target in self._behind(*imports[root], attributes):
                                found[".".join([root, *attributes, target.name])] = target
            self._references[definition] = found
        return self._references[definition]

    def _behind(self, module: str, name: str, attributes: list[str]) -> Iterator[Definition]:
        """The definitions that an imported name and the attributes after it lead to."""
        names = [name, *attributes] if name else attributes
        while names and self.file(f"{module}.{names[0]}"):
            module, names = f"{module}.{names[0]}", names[1:]
        path = self.file(module)
        if path is None:
            return
        if not names:
            yield from self.whole(module)  # the module itself is handed on: anything of it may be used
            return
        source = _source(path, module)
        if names[0] in source.definitions:
            yield Definition(module, names[0])
        if names[0] in source.imports:
            yield from self._behind(*source.imports[names[0]], names[1:])
        elif names[0] not in source.definitions and ("*" in source.imports or "__getattr__" in source.definitions):
            yield from self.whole(module)

    def _run_on_import(self, module: str) -> Iterator[Definition]:
        """The loose statements of a module and of the packages around it."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            each = ".".join(parts[:length])
            if (path := self.file(each)) and LOOSE in _source(path, each).definitions:
                yield Definition(each, LOOSE)

    def _content(self, definition: Definition) -> bytes:
        """Hashes of what a definition says and of what each name in it stands for."""
        if definition not in self._contents:
            lines = [f"{definition.name} {self._meaning(definition)}"]
            references = self.references(definition)
            lines += [f"{text} {self._meaning(target)}" for text, target in sorted(references.items())]
            self._contents[definition] = "\n".join(lines).encode()
        return self._contents[definition]

    def _meaning(self, definition: Definition) -> str:
        path = self.file(definition.module)
        return _meaning(path, *definition) if path else ""


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def _source(path: Path, module: str) -> Source:
    source = Source()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        _add(source, statement, module, path)
    return source


def _add(source: Source, statement: ast.stmt, module: str, path: Path) -> None:
    match statement:
        case ast.Import() | ast.ImportFrom():
            source.imports |= _imports([statement], module, path)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            source.define(name, statement)
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for name in {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}:
                source.define(name, statement)  # also where only a part of it is set: NAME[key] = value
        case _ if _is_text(statement):
            pass
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if name in source.definitions:
            source.define(name, statement)  # NAME.update(...)
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            source.imports |= _imports(ast.walk(statement), module, path)
        case _:
            source.imports |= _imports(ast.walk(statement), module, path)
            bound = {
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            bound |= {node.name for node in ast.walk(statement) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            for name in bound or {LOOSE}:
                source.define(name, statement)


def _imports(nodes: Iterable[ast.AST], module: str, path: Path) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0],
                    "",
                )
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = module.split(".")
                package = parts[: len(parts) - node.level + (path.name == "__init__.py")]
                origin = ".".join([*package, *([node.module] if node.module else [])])
            for alias in node.names:
                found[alias.asname or alias.name] = (origin, alias.name)
    return found


@cache
def _meaning(path: Path, module: str, name: str) -> str:
    lines = (line for statement in _source(path, module).definitions[name] for line in _said(statement).lines)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def said_by(path: Path) -> list[str]:
    """What the statements of a file say, read anew at each call: comments, docstrings and layout say nothing."""
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    return [line for statement in statements if not _is_text(statement) for line in _Said(statement).lines]


class _Said:
    """What a statement says, in one pass.

    Attributes:
        lines: type and content of each syntax node, without docstrings, positions, empty fields, and decorators that
            register a function with a study.
        chains: names, each with the attributes after it: ``a.b.c(x)`` gives ``[a, b, c]`` and ``[x]``.
        imported: import statements inside.
    """

    def __init__(self, statement: ast.stmt):
        self.lines: list[str] = []
        self.chains: list[list[str]] = []
        self.imported: list[ast.stmt] = []
        self._read(statement, True)

    def _read(self, node: ast.AST, starts_chain: bool) -> None:
        kind = type(node)
        lines = self.lines
        lines.append(kind.__name__)
        if starts_chain and (kind is ast.Name or kind is ast.Attribute):
            self._chain(node)
        elif kind is ast.Import or kind is ast.ImportFrom:
            self.imported.append(node)  # type: ignore[arg-type]
        continues = kind is ast.Attribute
        for name in kind._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                if name == "body" and _documented(node):
                    value = value[1:]
                elif name == "decorator_list":
                    value = [each for each in value if not _registers(each)]
                for child in value:
                    self._add(name, child, True)
            else:
                self._add(name, value, not continues)

    def _add(self, name: str, child: object, starts_chain: bool) -> None:
        if isinstance(child, ast.AST):
            self.lines.append(f"{name}(")
            self._read(child, starts_chain)
            self.lines.append(")")
        elif child is not None and name not in ("kind", "type_comment"):
            self.lines.append(f"{name}={child!r}")

    def _chain(self, node: ast.AST) -> None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            self.chains.append([node.id, *reversed(attributes)])


_said = cache(_Said)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _documented(node: ast.AST) -> bool:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return ast.get_docstring(node, clean=False) is not None


def _registers(decorator: ast.AST) -> bool:
    return isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") in REGISTERING
