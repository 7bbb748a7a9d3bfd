"""The source code behind an activation: which files it is made of, and their digest.

A file's own imports count where they lie beside it or in the same package: an edited helper is another activation too.
Of an installed distribution the version stands for everything but the module itself.
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

    The folder is that of ``path``, or the one that holds its outermost package.
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
    """``torch 2.14.1`` of a file below the site packages, by its package's ``__version__``; None of a local file."""
    places = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    place = next((place for place in places if path.resolve().is_relative_to(place)), None)
    if place is None:
        return None
    package = path.resolve().relative_to(place).parts[0].removesuffix(".py")
    return f"{package} {getattr(importlib.import_module(package), '__version__', 'of unknown version')}"


def import_folder(path: Path) -> Path:
    """The folder that ``import`` starts from for ``path``: above its outermost package."""
    folder = path.resolve().parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def local_imports(file: Path, folder: Path) -> Iterator[Path]:
    """The files below ``folder`` that ``file`` imports; a file with a mistake in its syntax imports nothing."""
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
    """The file of module ``parts`` and of the packages above it, where they lie below ``folder``."""
    for length in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:length])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path.resolve()


def digest_of(files: dict[str, Path], installed: str | None = None) -> str:
    """16 hexadecimal digits over the names and contents of ``files``, and over the version that is ``installed``."""
    digest = hashlib.sha256((installed or "").encode())
    for name, path in files.items():
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:DIGITS]
