"""A small corpus with some structure that a model can learn, and a small model for it."""

from __future__ import annotations

import random
from pathlib import Path

SUBJECTS = ["the old film", "this actor", "her new play", "the second scene", "a young writer", "the music"]
VERBS = ["was", "seemed", "became", "remained"]
ENDS = ["rather dull", "quite moving", "very long", "a surprise to everyone", "funnier than the book"]

# The smallest real language model on it; add ``data_dir`` and ``cache_dir``.
TINY_BERT = [
    "dataset=text",
    "dataset.folder=reviews",
    "dataset.validation=0.1",
    "model=bert_tiny",
    "model.width=16",
    "model.vocab_size=200",
    "model.context=16",
    "recipe.tokens_per_step=256",
    "recipe.steps=20",
    "recipe.warmup_steps=2",
    "recipe.eval_every_steps=10",
    "recipe.log_every=5",
]


def write_corpus(folder: Path, documents: int = 3000, seed: int = 0) -> Path:
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        " ".join(f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(ENDS)} and" for _ in range(5))
        + f" {draw.randrange(10**6)}"
        for _ in range(documents)
    ]
    (folder / "reviews.txt").write_text("\n".join(lines))
    return folder
