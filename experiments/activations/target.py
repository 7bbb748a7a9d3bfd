"""The object behind a target such as ``mine.py:Swash`` or ``package.module:Class``."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments.activations.source import digest_of, import_folder, installed_version, source_files
from experiments.errors import UserError, must_be, suggestion
from experiments.files import write_atomic

GROUP = "gem_activations.activations"
FORM = "a file and a name, such as mine.py:Swash, or package.module:Class"


@dataclass(frozen=True)
class Target:
    """A class or function, its place, and the digest of its source files."""

    text: str  # the path of a file is absolute
    function: Callable[..., Any]
    files: Mapping[str, Path] = field(repr=False)
    digest: str

    @property
    def name(self) -> str:
        """``Swash``"""
        return self.text.rpartition(":")[2]


def load_target(text: str) -> Target:
    """The object that ``text`` names. Raises UserError if file, module or name is missing, or if its code fails."""
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise UserError(must_be("activation.target", text, FORM))
    path = Path(place).resolve() if place.endswith(".py") else module_path(text, place)
    if not path.is_file():
        what = "file" if place.endswith(".py") else "Python source of the module"
        raise UserError(f"activation.target={text}: there is no {what} {place}; give {FORM}")
    if place.endswith(".py"):
        files = source_files(path)
        digest = digest_of(files)
        module = load_file(text, path, digest)
    else:
        module = load_module(text, place)
        installed = installed_version(path)
        files = source_files(path) if installed is None else {path.name: path}
        digest = digest_of(files, installed)
    found = getattr(module, name, None)
    if found is None:
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UserError(f"activation.target={text}: {place} has no {name}; {suggestion(name, known)}")
    if not callable(found):
        raise UserError(f"activation.target={text}: must be a module class or a function of a tensor, is {found!r}")
    return Target(f"{path}:{name}" if place.endswith(".py") else text, found, files, digest)


def module_path(text: str, name: str) -> Path:
    """The file of the importable module ``name``; the working directory is searched too."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise UserError(f"activation.target={text}: there is no module {name}; give {FORM}")
    return Path(spec.origin)


def load_module(text: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # a user's module may raise anything
        raise UserError(f"activation.target={text}: {fault(error)}") from error


@functools.lru_cache(maxsize=64)
def load_file(text: str, path: Path, digest: str) -> ModuleType:
    """The module at ``path``, executed once for each state of its source."""
    folder = str(import_folder(path))
    if folder not in sys.path:
        sys.path.append(folder)  # for imports of files beside it
    name = f"gem_activation_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickling and dataclasses need it
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # do not write into a user's folder
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserError(f"activation.target={text}: {fault(error)}") from error
    finally:
        sys.dont_write_bytecode = writes
    return module


def keep_source(activation: Mapping[str, Any], folder: Path) -> None:
    """Copy the files of a custom activation into ``folder``, beside the run that trains with it."""
    if "target" not in activation:
        return
    for name, path in load_target(activation["target"]).files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / name, path.read_bytes())


def fault(error: Exception) -> str:
    """``mine.py:7: NameError: name 'exp' is not defined``"""
    if isinstance(error, SyntaxError):
        return f"{Path(error.filename or '').name}:{error.lineno}: SyntaxError: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


@functools.cache
def registered() -> Mapping[str, str]:
    """The targets of the names that installed packages register, by name."""
    return {entry.name: entry.value for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}
