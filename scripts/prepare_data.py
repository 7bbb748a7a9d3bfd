"""Download, decode or tokenise a dataset once, before any run needs it (a login node with a network, say).

  python scripts/prepare_data.py dataset=cifar10
  python scripts/prepare_data.py dataset=mnist data_dir=/data/vision
  python scripts/prepare_data.py dataset=openwebtext model=gpt2       tokens are those of the model

The places are those of train.py: data_dir is $GEM_DATA or ./data, cache_dir is $GEM_CACHE or ./data/cache.
Stopped at any moment, it continues where it was.
"""

from __future__ import annotations

import sys

from omegaconf import DictConfig

from experiments.cli import script
from experiments.config import compose
from experiments.config.resolve import check_kinds, is_text, typed_dataset, typed_model
from experiments.config.schema import ImageDataset, TextDataset


def main(words: list[str]) -> None:
    cfg = compose(words)
    print(text(cfg) if is_text(cfg.dataset) else images(cfg))


def images(cfg: DictConfig) -> str:
    from experiments.data import load_images

    config = typed_dataset(cfg.dataset)
    assert isinstance(config, ImageDataset)
    data = load_images(config, cfg.data_dir, cfg.cache_dir)
    channels, height, width = data.shape
    return (
        f"{config.name}: {len(data.train_y)} training and {len(data.test_y)} {data.evaluated} images of "
        f"{channels}×{height}×{width}, {data.classes} classes, fingerprint {data.fingerprint()}"
    )


def text(cfg: DictConfig) -> str:
    from experiments.data.text import prepare_tokens

    check_kinds(cfg)
    config, model = typed_dataset(cfg.dataset), typed_model(cfg.model)
    assert isinstance(config, TextDataset)
    tokens = prepare_tokens(config, model, cfg.data_dir, cfg.cache_dir)
    train, validation = (int(tokens.counts[split].sum()) for split in ("train", "validation"))
    return (
        f"{config.name}: {train:,} training and {validation:,} validation tokens of {tokens.tokenizer.name} "
        f"({tokens.tokenizer.size:,} kinds), unigram entropy {tokens.unigram_entropy('validation', None):.4f} nats, "
        f"fingerprint {tokens.fingerprint}"
    )


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
