"""Full-size presets of language models and translators: planned, and trained for two steps on files in the true form.

The files are written by the libraries that write the real ones; the networks are narrower, the rest is the preset's.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.text.example import ENDS, SUBJECTS, VERBS
from experiments.families.translation.data.pairs import open_corpus
from experiments.families.translation.example import sentence
from experiments.families.translation.schema import PairsDataset
from experiments.runs.loop import Trainer
from tests.experiments.zygote import Zygote

CPU = torch.device("cpu")
PRESETS = ("table_celeba_ddpm", "table_wmt14", "table_tinystories")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    pytest.importorskip("datasets")
    return pytest.importorskip("pyarrow.parquet")


def write_parquet(path: Path, columns: dict[str, list[Any]]) -> None:
    """As the hub keeps its datasets."""
    import pyarrow
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path)


def write_wmt14(folder: Path) -> Path:
    """Rows {"translation": {"de": …, "en": …}}; one has an empty side, as some of WMT14's have."""
    draw = random.Random(0)
    for split, count in (("train", 600), ("validation", 30), ("test", 30)):
        rows = [dict(zip(("en", "de"), sentence(draw), strict=True)) for _ in range(count)]
        rows[3] = {"en": "", "de": "leer"}
        write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet", {"translation": rows})
    return folder


def write_tinystories(folder: Path) -> Path:
    draw = random.Random(0)
    for split, count in (("train", 400), ("validation", 60)):
        texts = [
            "\n\n".join(f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(ENDS)}." for _ in range(6))
            for _ in range(count)
        ]
        write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet", {"text": texts})
    return folder


def train_two_steps(words: list[str]) -> dict[str, Any]:
    config = compose_run([*words, "recipe.max_steps=2", "impl=default", "tracking=disabled"])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    lines = [line for _ in range(2) if (line := trainer.advance())]
    assert trainer.done
    return lines[-1]


@pytest.mark.parametrize("name", PRESETS)
def test_a_full_size_preset_is_planned(train: Zygote, name: str) -> None:
    ended = train.script("scripts/plan.py", f"experiment={name}")
    assert ended.status == 0, ended.err
    assert "9 cells × 5 seeds = 45" in ended.out


@pytest.mark.usefixtures("library")
@pytest.mark.filterwarnings("ignore")
def test_wmt14_in_its_true_form(tmp_path: Path) -> None:
    folder = write_wmt14(tmp_path / "wmt14")
    small = ["model.width=16", "model.heads=2", "model.hidden=32", "model.vocab_size=300", "model.encoder_layers=1"]
    places = [f"dataset.folder={folder}", "dataset.subset=null", f"cache_dir={tmp_path / 'cache'}"]
    shorter = ["recipe.tokens_per_step=400", "model.context=128", "recipe.beams=2"]
    last = train_two_steps(["experiment=table_wmt14", *places, *small, *shorter])
    assert {"val_loss", "test_loss", "test_bleu", "test_chrf"} <= set(last)


@pytest.mark.usefixtures("library")
@pytest.mark.filterwarnings("ignore")
def test_rows_with_an_empty_side_are_left_out(tmp_path: Path) -> None:
    values = {"name": "wmt", "title": "WMT", "source": "hub_pairs", "folder": str(write_wmt14(tmp_path / "wmt14"))}
    pairs = list(open_corpus(PairsDataset(**values), tmp_path).pairs("valid"))
    assert len(pairs) == 29
    assert all(pair.target != "leer" for pair in pairs)
    other = open_corpus(PairsDataset(**values, languages=["en", "fr"]), tmp_path)
    with pytest.raises(UserError, match=r"dataset=wmt: row 1 of test has no translation for dataset.languages="):
        list(other.pairs("test"))
    absent = open_corpus(PairsDataset(**values | {"folder": str(tmp_path / "absent")}), tmp_path)
    with pytest.raises(UserError, match=r"dataset=wmt: .* cannot be downloaded from the hub"):
        list(absent.pairs("test"))


def test_without_the_library_its_name_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    values = {"name": "wmt", "title": "WMT", "source": "hub_pairs", "folder": "wmt/wmt14"}
    with pytest.raises(UserError, match="dataset=wmt: pip install datasets"):
        list(open_corpus(PairsDataset(**values), tmp_path).pairs("test"))


@pytest.mark.usefixtures("library")
@pytest.mark.filterwarnings("ignore")
def test_tinystories_in_its_true_form(tmp_path: Path, real_data: Path) -> None:
    folder = write_tinystories(tmp_path / "tinystories")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gpt2").symlink_to(real_data / "gpt2")
    small = ["model.width=12", "model.layers=2", "model.context=32", "recipe.tokens_per_step=1280"]
    places = [f"data_dir={tmp_path / 'data'}", f"cache_dir={tmp_path / 'cache'}", f"dataset.folder={folder}"]
    last = train_two_steps(["experiment=table_tinystories", *places, *small])
    assert 5 < last["val_loss"] < 12
