"""Every block of commands or code on a page works: commands are composed and their keys checked, code is run.

Nothing is trained, submitted, downloaded or installed here. What needs a cluster, a GPU or the network is named in
``OUTSIDE``, and only checked as far as it can be without.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from hydra.errors import HydraException

import gem
from experiments.cli import key_values
from experiments.config.compose import compose_launcher, composed_once, config_files
from experiments.config.resolve import resolve
from experiments.errors import UserError
from experiments.studies.presets import load_preset, preset_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OUTSIDE = {
    "git": "network: clones the repository",
    "cd": "enters the clone",
    "uv": "network: installs",
    "conda": "network: installs",
    "python3": "makes a virtual environment",
    "source": "of that environment",
    "export": "a variable of the shell",
    "cat": "shows a file of a run",
    "sbatch": "cluster",
    "scancel": "cluster",
}
RUNNABLE = {"gem", "torch", "torchvision", "functools"}  # code that imports nothing else is run
TOO_SLOW = {"torch.export.export", "torch.onnx.export"}  # tests/gem exports
GIVEN = "import functools, torch, torchvision"  # what a page does not import again in every block
SHELL = ("", "bash", "sh", "console")
OF_A_RUN = ("activation=", "activation.", "N=", "eps=")


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0][:50]}"


@dataclass(frozen=True)
class Command:
    """One command of a block. ``answer``: the first line that a page shows below it, where it shows one."""

    page: str
    words: tuple[str, ...]
    answer: str = ""

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)[:70]}"


def blocks() -> list[Block]:
    return [
        Block(str(page.relative_to(ROOT)), language, text)
        for page in PAGES
        for language, text in BLOCK.findall(page.read_text())
    ]


def commands(block: Block) -> Iterator[Command]:
    """Of a transcript, what follows a ``$``; else every line. Comments are left out, ``a && b`` is two commands."""
    lines = block.text.replace("\\\n", " ").splitlines()
    transcript = any(line.startswith("$ ") for line in lines)
    for index, line in enumerate(lines):
        if not transcript or line.startswith("$ "):
            words = shlex.split(line.removeprefix("$ "), comments=True)
            below = lines[index + 1] if transcript and index + 1 < len(lines) else ""
            while words:
                end = words.index("&&") if "&&" in words else len(words)
                yield Command(block.page, tuple(words[:end]), below if end == len(words) else "")
                words = words[end + 1 :]


BLOCKS = blocks()
COMMANDS = [command for block in BLOCKS if block.language in SHELL for command in commands(block)]
CODE = [block for block in BLOCKS if block.language == "python"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a user's mine.py, as docs/trial.md shows it."""
    (shown,) = (block.text for block in CODE if block.text.startswith("# mine.py"))
    other = "\n\nclass Swash(torch.nn.Module):\n    def forward(self, x):\n        return swash(x)\n"
    (tmp_path / "mine.py").write_text(shown + other)
    (tmp_path / "gallery").symlink_to(ROOT / "gallery")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_kind_of_block_is_forgotten() -> None:
    assert {block.language for block in BLOCKS} <= {*SHELL, "python", "yaml", "toml"}
    assert len(COMMANDS) > 50
    assert len(CODE) > 8


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_can_be_typed(command: Command, folder: Path) -> None:
    if command.answer.startswith("error: ") and "sbatch refused" not in command.answer:
        with pytest.raises(UserError) as refusal:
            check(list(command.words))
        assert str(refusal.value) in command.answer
    else:
        check(list(command.words))


def check(words: list[str]) -> None:
    """Raises, or fails, where the command would not be understood."""
    words = [word for word in words if word != "…"]  # a page's "and so on"
    head, *rest = words
    if head == "python" and rest[0] == "train.py":
        check_training(rest[1:])
    elif head == "torchrun":
        check_training(rest[rest.index("train.py") + 1 :])
    elif head == "python":
        assert (ROOT / rest[0]).exists()
        check_script(Path(rest[0]).stem, rest[1:])
    elif head == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif Path(head).name == "pip":
        check_installation(rest)
    elif head == "cp":
        assert (ROOT / rest[0]).exists()
    else:
        assert head in OUTSIDE, f"{head}: say in OUTSIDE why it cannot be tried"


def check_training(words: list[str]) -> None:
    """Every value of a sweep is composed, of an experiment the first cell."""
    words = [word for word in words if word not in ("-m", "--help")]
    if not words:
        return
    named = dict(word.split("=", 1) for word in words)
    experiment = named.pop("experiment", None)
    cell = load_preset(experiment).cells[0].split() if experiment else []
    values = {key: value.split(",") for key, value in named.items()}
    for k in range(max(map(len, values.values()), default=1)):
        words = [*cell, *(f"{key}={given[k % len(given)]}" for key, given in values.items())]
        assert resolve(composed_once(*words))


def check_script(name: str, words: list[str]) -> None:
    module = importlib.import_module(f"scripts.{name}")
    known = {**getattr(module, "KEYS", {}), **getattr(module, "OWN", {})}
    flags = {"--dry-run", *getattr(module, "FLAGS", ())}
    words = [word for word in words if word not in flags]
    launcher = [word for word in words if word.startswith(("launcher.", "launcher=slurm", "launcher=my"))]
    own = [word for word in words if word.partition("=")[0] in known and not word.startswith("launcher")]
    others = [word for word in words if word not in own and word not in launcher]
    values = key_values(own, known)
    if launcher:
        assert compose_launcher([word for word in launcher if word != "launcher=mycluster"])
    for key in ("experiment", "table", "figure"):
        special = ("", "all", *getattr(module, "GENERAL", ()), *getattr(module, "PAGES", ()))
        assert values.get(key, "") in (*special, *preset_names())
    if name == "submit":
        check_training(others)
    elif name == "trial":
        assert all(word.startswith(OF_A_RUN) for word in others)
        target = next(word for word in others if word.startswith("activation=")).partition("=")[2]
        check_training(["activation=custom", f"activation.target={target}", *others[1:]])
    elif name == "prepare_data":
        assert all(word.partition("=")[2] in config_files(word.partition("=")[0]) for word in others)
    else:
        assert not others


def check_installation(words: list[str]) -> None:
    """``install`` of this package, with extras that it has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert words[0] == "install"
    name, _, extras = words[-1].rstrip("]").partition("[")
    assert name in (".", project["name"])
    assert set(filter(None, extras.split(","))) <= set(project["optional-dependencies"])


def test_a_wrong_command_would_be_found(folder: Path) -> None:
    for line in (
        "python train.py dataset=mnits",
        "python train.py activation=custom activation.target=mine.py:Nothing",
        "python scripts/aggregate.py tabel=table_mnist",
        "python scripts/none.py",
        "python scripts/submit.py experiment=table_mnist recipe.lr=-1",
        "make nothing",
        "pip install '.[nothing]'",
        "rm -r results",
    ):
        with pytest.raises((AssertionError, UserError, HydraException)):
            check(shlex.split(line))


@pytest.mark.parametrize("page", sorted({block.page for block in CODE}))
def test_code_runs(page: str, folder: Path) -> None:
    """The blocks of a page one after another; of those that need other libraries, the calls of gem are checked."""
    space: dict[str, Any] = {}
    exec(GIVEN, space)
    for block in (each for each in CODE if each.page == page):
        tree = ast.parse(block.text)
        check_names(tree)
        if names_of_imports(tree) | used_modules(tree) <= RUNNABLE:
            tree.body = [statement for statement in tree.body if not calls(statement) & TOO_SLOW]
            exec(compile(tree, block.page, "exec"), space)


def names_of_imports(tree: ast.AST) -> set[str]:
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def used_modules(tree: ast.AST) -> set[str]:
    """Names that a block uses and neither makes nor is given: those of other libraries."""
    made = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    signatures = [node for node in ast.walk(tree) if isinstance(node, ast.arguments)]
    of_functions = {argument.arg for signature in signatures for argument in signature.args}
    return used - made - of_functions - {"model", "images", "linear", "float"}


def calls(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def check_names(tree: ast.AST) -> None:
    """Whatever of gem or torch is named exists, and what is called takes these arguments."""
    roots: dict[str, ModuleType] = {"gem": gem, "torch": torch}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (path := ast.unparse(node)).split(".")[0] in roots:
            found_at(path, roots)
        if isinstance(node, ast.Call) and (path := ast.unparse(node.func)).startswith("gem."):
            keywords = {str(keyword.arg): None for keyword in node.keywords}
            inspect.signature(found_at(path, roots)).bind(*node.args, **keywords)


def found_at(path: str, roots: dict[str, ModuleType]) -> Any:
    first, *rest = path.split(".")
    found: Any = roots[first]
    for name in rest:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in ("yaml", "toml")], ids=str)
def test_files_on_a_page_can_be_read(block: Block) -> None:
    assert (yaml.safe_load if block.language == "yaml" else tomllib.loads)(block.text)
