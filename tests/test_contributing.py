"""The table of CONTRIBUTING.md: each row is tried on a copy of the repository, and changes the files it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.experiments.activations.strangers import write_strangers
from tests.experiments.families.toy import CONFIGS, FAMILY, TASK
from tests.experiments.zygote import environment
from tests.repository import git, repository

SHORT = ("dataset=digits", "recipe=digits", "recipe.max_steps=2", "impl.threads=1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "checkout")


def trains(root: Path, *words: str) -> None:
    own = environment() | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "train.py", *words, f"runs_dir={root.parent}/runs", f"data_dir={root.parent}/data"]
    ended = subprocess.run(line, cwd=root, env=own, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def changed(root: Path) -> list[str]:
    return sorted(line[3:] for line in git(root, "status", "--porcelain", "-uall").splitlines())


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_an_activation_of_torch_is_one_file(root: Path) -> None:
    write(root, "configs/activation/hardswish.yaml", "name: hardswish\ntarget: torch.nn:Hardswish\n")
    trains(root, *SHORT, "activation=hardswish")
    assert changed(root) == ["configs/activation/hardswish.yaml"]
    assert list(root.parent.glob("runs/*/hardswish-*/seed0/metrics.json"))


def test_an_own_activation_is_none_or_two(root: Path) -> None:
    file = write_strangers(root.parent / "own")
    trains(root, *SHORT, "activation=custom", f"activation.target={file}:Swash")
    assert changed(root) == []
    write(root, "configs/activation/swash.yaml", f"name: swash\ntarget: {file}:Swash\nbeta: 2.0\n")
    trains(root, *SHORT, "activation=swash", "activation.order=3")
    assert changed(root) == ["configs/activation/swash.yaml"]


def test_a_data_set_of_a_known_format_is_one_file(root: Path) -> None:
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            for number in range(4):
                path = root.parent / "data" / "birds" / split / label / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 8), (60 * number, 0, 99)).save(path)
    text = "name: birds\ntitle: birds\nsource: image_folder\nfolder: birds\nsize: 8\n"
    write(root, "configs/dataset/birds.yaml", text)
    words = ("dataset=birds", "recipe=digits", "recipe.batch_size=4", "recipe.max_steps=2", "impl.threads=1")
    trains(root, *words)
    assert changed(root) == ["configs/dataset/birds.yaml"]


def test_a_metric_is_one_line(root: Path) -> None:
    """Of a number that the task computes already: the held-out loss under another title changes no other file."""
    path = root / "experiments" / "families" / "images" / "metrics.py"
    before = path.read_text()
    line = '    Metric("dead_units", "dead units", "", False, 3, 0.0, 1.0),\n'
    path.write_text(before.replace("METRICS = (\n", "METRICS = (\n" + line).replace("import ", "import Metric, ", 1))
    trains(root, *SHORT)
    assert changed(root) == ["experiments/families/images/metrics.py"]


def test_a_family_is_one_folder(root: Path) -> None:
    place = "experiments/families/sines"
    own = FAMILY.replace("gem_sines.task", "experiments.families.sines.task") + "\n\nFAMILY = Sines()\n"
    write(root, f"{place}/__init__.py", own)
    write(root, f"{place}/task.py", TASK)
    for name, text in CONFIGS.items():
        write(root, f"{place}/configs/{name}", text)
    trains(root, "dataset=sine", "model=line", "activation=gelu")
    assert {Path(name).parts[:3] for name in changed(root)} == {("experiments", "families", "sines")}
