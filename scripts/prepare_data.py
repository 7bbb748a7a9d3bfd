"""Download or decode a dataset once, before any run needs it (a login node with a network, say).

  python scripts/prepare_data.py dataset=cifar10
  python scripts/prepare_data.py dataset=mnist data_dir=/data/vision

The places are those of train.py: data_dir is $GEM_DATA or ./data, cache_dir is $GEM_CACHE or ./data/cache.
"""

from __future__ import annotations

import sys

from experiments.config import compose
from experiments.config.resolve import typed
from experiments.config.schema import Dataset
from experiments.data import load_images
from experiments.words import script


def main(words: list[str]) -> None:
    cfg = compose(words)
    data = load_images(typed(Dataset, cfg.dataset, "dataset."), cfg.data_dir, cfg.cache_dir)
    channels, height, width = data.shape
    print(
        f"{cfg.dataset.name}: {len(data.train_y)} training and {len(data.test_y)} {data.evaluated} images of "
        f"{channels}×{height}×{width}, {data.classes} classes, fingerprint {data.fingerprint()}"
    )


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
