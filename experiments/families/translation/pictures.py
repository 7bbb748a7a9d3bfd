"""Draws a handful of translations for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from experiments.config.schema import Config
from experiments.families.translation.data.corpus import Pair
from experiments.families.translation.data.prepare import prepare_pairs
from experiments.families.translation.schema import Marian, PairsDataset
from experiments.families.translation.task import TranslationTask
from experiments.processes import Processes

SENTENCES = 8
COLUMNS = 100  # characters per line


def draw_translations(config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
    """``translations.png``: the first test sentences, their references and the model's translations.

    No picture for a run on held-out training pairs, because it reads no test sentence.
    """
    assert isinstance(config.dataset, PairsDataset)
    assert isinstance(config.model, Marian)
    pairs = prepare_pairs(config.dataset, config.model, config.data_dir, config.cache_dir)
    if not pairs.test:
        return []
    task = TranslationTask(config, pairs, torch.device("cpu"), Processes())
    task.model.load_state_dict(state)
    shown = pairs.test[:SENTENCES]
    lines = page(shown, task.translations(len(shown)))
    figure = Figure(figsize=(8, 0.2 * (len(lines) + 1)))
    figure.text(0.01, 0.99, "\n".join(lines).replace("$", r"\$"), family="monospace", fontsize=8, va="top")
    path = out / "translations.png"
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return [path]


def page(pairs: Sequence[Pair], translations: Sequence[str]) -> list[str]:
    """Three lines per sentence, wrapped if they are long, followed by an empty line."""
    lines = []
    for pair, translation in zip(pairs, translations, strict=True):
        for name, text in (("source", pair.source), ("reference", pair.target), ("model", translation)):
            lines += textwrap.wrap(f"{name:10}{text}", COLUMNS, subsequent_indent=" " * 10)
        lines.append("")
    return lines
