"""Progress for people: a bar in a terminal, one line an evaluation elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from tqdm import tqdm

from experiments.loop import Trainer

SHOWN = ("_loss", "_accuracy")


class Progress:
    """``show`` takes the lines of metrics.jsonl as they come, ``update`` follows the steps."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.bar = tqdm(
            total=trainer.total_steps, initial=trainer.step, unit="step", disable=not sys.stderr.isatty(), leave=False
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.bar.close()

    def update(self) -> None:
        self.bar.update(self.trainer.step - self.bar.n)

    def show(self, line: dict[str, Any]) -> None:
        numbers = {key: value for key, value in line.items() if key.endswith(SHOWN)}
        if not self.bar.disable:
            self.bar.set_postfix({key: f"{value:.3f}" for key, value in numbers.items()})
        elif any(key.endswith("_accuracy") for key in numbers):
            shown = "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())
            print(f"epoch {line['epoch']:g}  {shown}  {line['seconds']:.1f} s", flush=True)

    def show_mean(self, lines: Sequence[dict[str, Any]]) -> None:
        """The mean of the lines that several seeds have at the same step."""
        if lines:
            keys = [key for key in lines[0] if key.endswith(SHOWN) and all(key in line for line in lines)]
            self.show(lines[0] | {key: sum(line[key] for line in lines) / len(lines) for key in keys})
