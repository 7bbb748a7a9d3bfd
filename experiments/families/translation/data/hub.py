"""Sentence pairs of the Hugging Face hub, streamed through ``datasets``: rows {"translation": {"en": …, "de": …}}."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from experiments.errors import UserError
from experiments.families.translation.data.corpus import Pair
from experiments.families.translation.schema import PairsDataset

NAMES = {"train": "train", "valid": "validation", "test": "test"}  # the hub's names of the splits


class HubPairs:
    """The three splits of a dataset such as WMT14. Rows with an empty side, which WMT14 has, are left out."""

    def __init__(self, config: PairsDataset) -> None:
        self.config = config
        values = (config.folder, config.subset, config.languages)
        self.stamp = hashlib.sha256(repr(values).encode()).hexdigest()

    def load(self, split: str) -> Any:
        """A stream of rows. Raises UserError without ``datasets``, or if the hub cannot be reached."""
        try:
            import datasets
        except ImportError as error:
            raise UserError(f"dataset={self.config.name}: pip install datasets (the extra 'text')") from error
        try:
            return datasets.load_dataset(self.config.folder, self.config.subset, split=NAMES[split], streaming=True)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(
                f"dataset={self.config.name}: {self.config.folder} cannot be downloaded from the hub ({reason}); "
                f"prepare it on a machine with a network (python scripts/prepare_data.py) and copy cache_dir"
            ) from error

    def pairs(self, split: str) -> Iterator[Pair]:
        for number, row in enumerate(self.load(split), 1):
            try:
                sides = [row["translation"][language] for language in self.config.languages]
            except (KeyError, TypeError) as error:
                raise UserError(
                    f"dataset={self.config.name}: row {number} of {split} has no translation for "
                    f"dataset.languages={self.config.languages}"
                ) from error
            source, target = (" ".join(side.split()) for side in sides)
            if source and target:
                yield Pair(source, target)
