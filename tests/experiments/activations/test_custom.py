"""A custom activation needs one argument and no edit here. Its source is in the identity and stays with the run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from experiments.activations.target import load_target
from experiments.config.compose import compose_run
from experiments.config.identity import run_hash, science
from experiments.errors import UserError
from experiments.records.read import read_records
from experiments.sweeps.plan import Planned, thaw
from experiments.sweeps.submit import freeze_source
from tests.experiments.activations.strangers import write_strangers
from tests.experiments.results import TINY, directory_of, result, tree
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import ROOT, Zygote, environment
from tests.repository import commit_all, repository

WRONG = {
    "activation=custom": ["activation.target", "no value given", "mine.py:Swash"],
    "activation=custom activation.target=mine.py": ["activation.target=mine.py", "a file and a name"],
    "activation=custom activation.target=none.py:Swash": ["there is no file none.py"],
    "activation=custom activation.target=nowhere.module:Swash": ["there is no module nowhere.module"],
    "activation=custom activation.target=mine.py:Swish": ["mine.py has no Swish", "did you mean Swash?"],
    "activation=custom activation.target=mine.py:Swash activation.betta=2": ["activation.betta=2", "beta, order"],
    "activation=custom activation.target=mine.py:Swash activation.beta=abc": ["activation.beta=abc", "a finite number"],
    "activation=custom activation.target=mine.py:Swash activation.order=1.5": ["activation.order=1.5", "an integer"],
    "activation=custom activation.target=mine.py:Swash N=2": ["N=2", "has no parameter N", "beta, order"],
    "activation=custom activation.target=mine.py:wave": ["activation.freq", "no value given"],
    "activation=custom activation.target=mine.py:careless": ["mine.py:21", "NameError", "exp"],
    "activation=custom activation.target=mine.py:listing": ["must return a tensor, returned list"],
    "activation=custom activation.target=mine.py:summing": ["must keep the shape"],
    "activation=custom activation.target=torch:float32": ["must be a module class or a function of a tensor"],
}


@pytest.mark.parametrize(("line", "parts"), WRONG.items())
def test_wrong_input_is_one_line(train: Zygote, tmp_path: Path, line: str, parts: list[str]) -> None:
    write_strangers(tmp_path)
    before = tree(tmp_path)
    assert is_one_error_line(train.run(*TINY, *line.split(), f"runs_dir={tmp_path}/runs", cwd=tmp_path), *parts)
    assert tree(tmp_path) == before


def test_a_mistake_in_the_syntax_names_file_and_line(train: Zygote, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(x):\n    return x +\n")
    ended = train.run(*TINY, "activation=custom", "activation.target=mine.py:f", cwd=tmp_path)
    assert is_one_error_line(ended, "activation.target=mine.py:f", "mine.py:2: SyntaxError")


def hash_of(*words: str) -> str:
    return run_hash(compose_run(["dataset=digits", "recipe=digits", "activation=custom", *words]))


def test_the_source_is_part_of_the_identity(tmp_path: Path) -> None:
    """Every parameter counts, at its default too; so does a helper; the place of the file does not."""
    file = write_strangers(tmp_path / "a")
    plain = hash_of(f"activation.target={file}:Swash")
    assert plain == hash_of(f"activation.target={file}:Swash", "activation.beta=1")
    assert plain != hash_of(f"activation.target={file}:Swash", "activation.beta=2")
    assert plain == hash_of(f"activation.target={write_strangers(tmp_path / 'b')}:Swash")
    assert plain != hash_of(f"activation.target={write_strangers(tmp_path / 'c', shift=0.2)}:Swash")
    file.write_text(file.read_text().replace("self.beta * x", "2 * self.beta * x"))
    assert plain != hash_of(f"activation.target={file}:Swash")
    of = science(compose_run(["activation=custom", f"activation.target={file}:Swash"]))["activation"]
    assert of == {"name": "custom", "target": "Swash", "source": of["source"], "beta": 1.0, "order": 1}


def test_an_installed_module_counts_with_its_version() -> None:
    one, other = load_target("torch.nn:Tanh"), load_target("torch.nn:Hardtanh")
    assert (one.name, list(one.files)) == ("Tanh", ["__init__.py"])
    assert one.digest == other.digest
    with pytest.raises(UserError, match="Python source of the module"):
        load_target("itertools:chain")


def test_from_a_file_to_a_row_of_a_table(train: Zygote, tmp_path: Path) -> None:
    """Trained, killed and continued, recorded, tabulated; an edited file is another run; the old source is kept."""
    file = write_strangers(tmp_path)
    line = [*TINY, "activation=custom", f"activation.target={file.name}:Swash", f"runs_dir={tmp_path}/runs"]
    command = train.start(*line, "impl.save_every_seconds=0", cwd=tmp_path)
    while command.running() and not any(tmp_path.glob("runs/*/*/seed*/checkpoints/step00000000?.pt")):
        pass
    command.send(signal.SIGTERM)
    assert command.wait().status in (0, 75)
    assert train.run(*line, cwd=tmp_path).status == 0
    directory = directory_of(tmp_path / "runs")
    assert directory.parent.name.startswith("Swash-")
    assert sorted(path.name for path in (directory / "activation").iterdir()) == ["helpers.py", "mine.py"]
    whole = tmp_path / "whole"
    assert train.run(*line[:-1], f"runs_dir={whole}", cwd=tmp_path).status == 0
    assert result(tmp_path / "runs") == result(whole)
    (tmp_path / "helpers.py").write_text("def shift():\n    return 0.5\n")
    again = train.run(*line, cwd=tmp_path)
    assert (again.status, again.out.count("finished before")) == (0, 0)
    assert len(list((tmp_path / "runs").glob("*/Swash-*"))) == 2
    assert (directory / "activation" / "helpers.py").read_text() == "def shift():\n    return 0.1\n"


PRESET = {
    "defaults": [{"override /dataset": "digits"}, {"override /model": "cnn"}, {"override /recipe": "digits"}],
    "recipe": {"epochs": 1},
    "impl": {"threads": 1},
    "experiment": {
        "name": "strange",
        "title": "A stranger beside GELU",
        "seeds": 2,
        "comparison": "welch",
        "cells": ["activation=gelu", "activation=custom activation.target=mine.py:Swash activation.beta=2"],
    },
}


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = environment() | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], cwd=root, env=own, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("line", [["train.py", "-m"], ["scripts/submit.py"]], ids=["train", "submit"])
def test_in_a_preset_and_a_table(tmp_path: Path, line: list[str]) -> None:
    """The two ways to run a preset that names a stranger's file; the table calls it by its own name."""
    root = repository(tmp_path / "checkout")
    write_strangers(root)
    text = "# @package _global_\n" + yaml.safe_dump(PRESET, sort_keys=False)
    (root / "configs" / "experiment" / "strange.yaml").write_text(text)
    commit_all(root)
    runs = f"runs_dir={tmp_path}/runs"
    ended = command(root, *line, "experiment=strange", runs)
    assert ended.returncode == 0, ended.stderr
    made = command(root, "scripts/aggregate.py", "table=strange", runs, f"results_dir={tmp_path}")
    assert made.returncode == 0, made.stderr
    assert "| Swash (β=2, order=1)" in (tmp_path / "tables" / "strange.md").read_text()
    records = read_records(tmp_path / "records" / "strange.jsonl.gz")
    assert len(records) == 4
    activation = list(records.values())[-1]["config"]["activation"]
    assert activation["target"] == "mine.py:Swash"
    assert len(activation["source"]) == 16


def test_edits_after_submission_do_not_affect_the_runs(tmp_path: Path) -> None:
    """The frozen configuration trains with a copy of the file."""
    file = write_strangers(tmp_path / "own")
    config = compose_run(["dataset=digits", "activation=custom", f"activation.target={file}:Swash"])
    frozen = freeze_source(Planned((), config).frozen(), tmp_path / "frozen")
    (tmp_path / "own" / "helpers.py").write_text("raise RuntimeError\n")
    thawed = thaw(frozen)
    assert thawed.activation["target"] == str(tmp_path / "frozen" / config.activation["source"] / "mine.py:Swash")
    assert run_hash(thawed) == run_hash(config)
    (tmp_path / "frozen" / config.activation["source"] / "helpers.py").write_text("def shift():\n    return 0.3\n")
    with pytest.raises(UserError, match="its source changed since it was submitted"):
        thaw(frozen)


def test_an_installed_package_registers_a_name(tmp_path: Path) -> None:
    """Through the entry point group gem_activations.activations; no file of this checkout knows it."""
    write_strangers(tmp_path)
    info = tmp_path / "swash-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: swash\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gem_activations.activations]\nswash = mine:Swash\n")
    own = environment() | {"PYTHONPATH": f"{ROOT}:{tmp_path}", "OMP_NUM_THREADS": "1"}
    words = [*TINY, "activation=swash", "activation.beta=2", f"runs_dir={tmp_path}/runs"]
    line = [sys.executable, "train.py", *words]
    ended = subprocess.run(line, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert directory_of(tmp_path / "runs").parent.name.startswith("swash-")
