"""The rules of the house: which part imports which, how long files are, that the two environments agree."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PARTS = ("gem", "experiments", "benchmarks", "scripts", "hydra_plugins")
SOURCES = [path for part in (*PARTS, "tests") for path in sorted((ROOT / part).rglob("*.py"))]
FORBIDDEN = {
    "gem": {"experiments", "benchmarks", "scripts", "train"},
    "experiments": {"benchmarks", "scripts", "train"},
    "benchmarks": {"scripts", "train"},
}
FAMILIES = ROOT / "experiments" / "families"
# What a family may import of experiments: the small modules and what says what a run is, but nothing that trains it.
BELOW_FAMILIES = {
    "activations",
    "checkpoint_file",
    "config",
    "device",
    "errors",
    "families",
    "files",
    "processes",
    "randomness",
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_flow_one_way(part: str) -> None:
    for path in (ROOT / part).rglob("*.py"):
        assert not imported(path) & FORBIDDEN[part], path


def modules_imported(path: Path, known: set[str]) -> set[str]:
    """Which of the modules ``known`` a file imports, at its top or within a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found = {f"{node.module}.{alias.name}" for alias in node.names} & known
            names |= found or {node.module} & known
    return names


def experiments_imported(path: Path) -> set[str]:
    """Every module of experiments that a file imports, at its top or within a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("experiments.")}


def test_nothing_outside_families_names_one() -> None:
    kinds = {path.name for path in FAMILIES.iterdir() if (path / "__init__.py").exists()}
    assert kinds >= {"images", "text"}
    for part in ("experiments", "scripts", "hydra_plugins"):
        for path in (ROOT / part).rglob("*.py"):
            if FAMILIES not in path.parents:
                named = {name.split(".")[2] for name in experiments_imported(path) if name.count(".") >= 2}
                assert not named & kinds, path


def test_a_family_imports_nothing_that_trains_and_of_another_family_data_alone() -> None:
    for path in FAMILIES.rglob("*.py"):
        for name in experiments_imported(path):
            parts = name.split(".")
            assert parts[1] in BELOW_FAMILIES, (path, name)
            own = path.relative_to(FAMILIES).parts[0]
            other = len(parts) > 3 and parts[1] == "families" and (FAMILIES / parts[2]).is_dir() and parts[2] != own
            assert not other or parts[3] in ("data", "schema"), (path, name)


def test_no_two_files_import_each_other() -> None:
    """Neither directly nor by way of others, nor within a function, where a circle would hide."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for part in ("gem", "experiments", "benchmarks")
        for path in (ROOT / part).rglob("*.py")
    }
    graph = {name: modules_imported(path, set(files)) - {name} for name, path in files.items()}
    assert graph["experiments.tables.table"] >= {"experiments.tables.row", "experiments.studies.presets"}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_rooms_import_downwards_and_the_picture_shows_it() -> None:
    drawing = runpy.run_path(str(ROOT / "docs" / "architecture.py"))
    rooms = drawing["room_imports"]()
    assert rooms["gem"] == set()
    assert drawing["levels"](rooms)["scripts"] == max(drawing["levels"](rooms).values())
    with pytest.raises(AssertionError, match=r"import each other: \['runs', 'stats'\]"):
        drawing["levels"]({"runs": {"stats"}, "stats": {"runs"}, "gem": set()})
    assert (ROOT / "docs" / "architecture.svg").read_text() == drawing["draw"](rooms)


def test_files_stay_short() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in SOURCES)
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] <= 120
    assert len((ROOT / "train.py").read_text().splitlines()) <= 60


def test_conda_environment_is_the_project() -> None:
    """environment.yml installs the project with all its extras, on the Python that pyproject asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    extras = ",".join(project["optional-dependencies"])
    assert environment["name"] == project["name"]
    assert environment["dependencies"] == [
        f"python{project['requires-python']}",
        "pip",
        {"pip": [f"-e .[{extras}]"]},
    ]


def test_torch_is_the_only_dependency_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [name.split(">")[0] for name in project["dependencies"]] == ["torch"]
    code = "import sys, gem; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"hydra", "omegaconf", "torchvision", "scipy", "sklearn", "triton", "wandb"} & set(loaded.split())


def test_import_gem_is_quick() -> None:
    """At most 0.3 s on top of torch, the best of three."""
    code = "import time, torch; start = time.perf_counter(); import gem; print(time.perf_counter() - start)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for _ in range(3)
    ]
    assert min(times) <= 0.3
