"""A corpus of the Hugging Face hub, streamed through ``datasets``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from experiments.errors import UserError
from experiments.families.text.data.documents import Piece, split_of
from experiments.families.text.schema import TextDataset

COLUMN = "text"


class HubCorpus:
    """Rows of the train split. Validation rows come from the dataset's own split, else by the document's hash."""

    def __init__(self, config: TextDataset) -> None:
        self.config = config
        values = (config.folder, config.subset, config.validation)
        self.stamp = hashlib.sha256(repr(values).encode()).hexdigest()[:16]

    def load(self) -> dict[str, Any]:
        """Streams of rows by split. Raises UserError without ``datasets``, or if the hub cannot be reached."""
        try:
            import datasets
        except ImportError as error:
            raise UserError(f"dataset={self.config.name}: pip install datasets (the extra 'text')") from error
        try:
            return dict(datasets.load_dataset(self.config.folder, self.config.subset, streaming=True))
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(
                f"dataset={self.config.name}: {self.config.folder} cannot be downloaded from the hub ({reason}); "
                f"prepare it on a machine with a network (python scripts/prepare_data.py) and copy cache_dir, "
                f"or use dataset=text"
            ) from error

    def pieces(self, skip: int) -> Iterator[Piece]:
        """Pieces of the rows; blank rows are no documents."""
        streams = self.load()
        own = "validation" in streams
        seen = 0
        for split in ("train", "validation") if own else ("train",):
            for row in streams[split]:
                text = row[COLUMN].strip()
                if text:
                    seen += 1
                    if seen > skip:
                        by_hash = split_of(text.encode(), self.config.validation)
                        yield Piece(text, split if own else by_hash, last=True)
