"""One finding of the certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor, nn

Grade = Literal["passes", "note", "fails", "wrong"]  # wrong: training with it is pointless; the trial stops
Make = Callable[[], nn.Module]  # a fresh module of the activation


@dataclass(frozen=True)
class Finding:
    """``name`` of the test, ``grade``, ``text`` for people, and ``shown_by``: the input that demonstrates it."""

    name: str
    grade: Grade
    text: str
    shown_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def passes(name: str, text: str) -> Finding:
    return Finding(name, "passes", text)


def guarded(name: str, question: Callable[[], Iterator[Finding]], grade: Grade = "fails") -> Iterator[Finding]:
    """The findings of ``question``. An exception inside becomes a finding too, of ``grade``."""
    try:
        yield from question()
    except Exception as error:  # user code, and libraries that process it, may raise anything
        first = " ".join(str(error).split())[:200]
        yield Finding(name, grade, f"raises {type(error).__name__}: {first}")


def number(value: float | Tensor) -> str:
    return f"{float(value):.6g}"
