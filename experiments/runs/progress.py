"""Progress for people: a bar in a terminal, one line per evaluation elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from tqdm import tqdm

from experiments.families.metric import Metric
from experiments.runs.loop import Trainer


class Progress:
    """``show`` takes each new line of metrics.jsonl; ``update`` follows the steps."""

    def __init__(self, trainer: Trainer, metrics: Sequence[Metric]) -> None:
        self.trainer, self.metrics = trainer, metrics
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
        """Show the training loss, and the metrics if the line has any."""
        shown = {m.title: m.text(line[m.key]) for m in self.metrics if line.get(m.key) is not None}
        loss = shown_loss(line.get("train_loss"))
        if not self.bar.disable:
            self.bar.set_postfix({"training loss": loss} | shown)
        elif shown:
            words = "  ".join(f"{title} {value}" for title, value in shown.items())
            print(f"epoch {line['epoch']:g}  training loss {loss}  {words}  {line['seconds']:.1f} s", flush=True)


def shown_loss(loss: float | None) -> str:
    """Four decimals, or four significant digits for values that would show as zeros."""
    if loss is None:
        return "not finite"
    return f"{loss:.4f}" if abs(loss) >= 1e-2 else f"{loss:.3e}"
