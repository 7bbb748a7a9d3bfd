"""Download, decode or tokenise a dataset once, before the runs, for example on a login node with a network.

  python scripts/prepare_data.py dataset=cifar10
  python scripts/prepare_data.py dataset=mnist data_dir=/data/vision
  python scripts/prepare_data.py dataset=openwebtext model=gpt2       tokens are those of the model

The folders are those of train.py: data_dir is $GEM_DATA or ./data, cache_dir is $GEM_CACHE or ./data/cache.
After an interruption, run the same command again: it continues.
"""

from __future__ import annotations

import sys

from experiments.cli import script
from experiments.config.compose import compose
from experiments.config.resolve import check_family, typed_dataset, typed_model
from experiments.families.registry import family_of_model


def main(words: list[str]) -> None:
    cfg = compose(words)
    family = family_of_model(cfg.model.get("kind"))
    check_family(family, cfg)
    dataset, model = typed_dataset(family, cfg.dataset), typed_model(family, cfg.model)
    print(family.prepare(dataset, model, cfg.data_dir, cfg.cache_dir))


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
