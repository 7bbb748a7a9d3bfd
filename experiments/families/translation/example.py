"""A small parallel corpus with some structure that a model can learn, and a small model for it."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = {
    "the old film": "der alte Film",
    "this actor": "dieser Schauspieler",
    "a young writer": "ein junger Schriftsteller",
    "the music": "die Musik",
    "was dull": "war öde",
    "seemed long": "schien lang",
    "moved everyone": "rührte alle",
}
SUBJECTS, VERBS = list(WORDS)[:4], list(WORDS)[4:]

# The smallest real translator of it; add ``data_dir`` and ``cache_dir``.
TINY_MARIAN = [
    "dataset=pairs",
    "dataset.folder=films",
    "model=marian_tiny",
    "model.encoder_layers=1",
    "model.decoder_layers=1",
    "model.heads=2",
    "model.width=16",
    "model.hidden=32",
    "model.vocab_size=300",
    "recipe.tokens_per_step=256",
    "recipe.steps=20",
    "recipe.warmup_steps=2",
    "recipe.eval_every_steps=10",
    "recipe.log_every=5",
]


def sentence(draw: random.Random) -> tuple[str, str]:
    parts = [draw.choice(SUBJECTS), draw.choice(VERBS)]
    for _ in range(draw.randrange(3)):
        parts += ["and", draw.choice(SUBJECTS), draw.choice(VERBS)]
    return " ".join(parts), " ".join(WORDS.get(part, "und") for part in parts)


def write_pairs(folder: Path, pairs: int = 400, seed: int = 0) -> Path:
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", pairs), ("valid", 40), ("test", 40)):
        lines = ["\t".join(sentence(draw)) for _ in range(count)]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return folder
