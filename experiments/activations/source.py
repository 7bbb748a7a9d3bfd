"""The source files of an activation, and their digest.

Local imports count if they lie beside the file or in the same package: an edited helper makes another activation. For
an installed distribution the digest covers the module itself and the distribution's version.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path

DIGITS = 16


def source_files(path: Path) -> dict[str, Path]:
    """``path`` and the local files it imports, directly or not, by their path relative to the folder of imports.

    The folder is that of ``path``, or the one that contains its outermost package.
    """
    folder = import_folder(path)
    found: dict[str, Path] = {}
    waiting = [path.resolve()]
    while waiting:
        file = waiting.pop()
        name = file.relative_to(folder).as_posix()
        if name not in found:
            found[name] = file
            waiting += local_imports(file, folder)
    return dict(sorted(found.items()))


def installed_version(path: Path) -> str | None:
    """``torch 2.14.1`` for a file below the site packages, by its package's ``__version__``; None for a local file."""
    places = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    place = next((place for place in places if path.resolve().is_relative_to(place)), None)
    if place is None:
        return None
    package = path.resolve().relative_to(place).parts[0].removesuffix(".py")
    return f"{package} {getattr(importlib.import_module(package), '__version__', 'of unknown version')}"


def import_folder(path: Path) -> Path:
    """The folder where imports from ``path`` start: the one above its outermost package."""
    folder = path.resolve().parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def local_imports(file: Path, folder: Path) -> Iterator[Path]:
    """The files below ``folder`` that ``file`` imports; none if its syntax is invalid."""
    try:
        tree = ast.parse(file.read_text())
    except (SyntaxError, ValueError):
        return
    package = file.relative_to(folder).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from files_of(folder, tuple(alias.name.split(".")))
        elif isinstance(node, ast.ImportFrom):
            parts = tuple(node.module.split(".")) if node.module else ()
            base = package[: len(package) - node.level + 1] + parts if node.level else parts
            yield from files_of(folder, base)
            for alias in node.names:
                yield from files_of(folder, (*base, alias.name))


def files_of(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """The files of module ``parts`` and of the packages above it that lie below ``folder``."""
    for length in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:length])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path.resolve()


def digest_of(files: dict[str, Path], installed: str | None = None) -> str:
    """16 hexadecimal digits over the names and contents of ``files`` and over the version ``installed``."""
    digest = hashlib.sha256((installed or "").encode())
    for name, path in files.items():
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:DIGITS]
