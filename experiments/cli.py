"""The command line of scripts: ``key=value`` words as in train.py, checked against the keys of the script."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence

from experiments.errors import FINISHED, UserError, must_be, unknown_key
from experiments.exits import guarded


def key_values(words: Sequence[str], known: dict[str, str]) -> dict[str, str]:
    """The keys and defaults ``known``, updated by ``words``. Raises UserError for a word that is not key=value."""
    values = dict(known)
    for word in words:
        key, equals, value = word.partition("=")
        if key not in known or not equals:
            raise UserError(unknown_key(word, [f"{name}=" for name in known]))
        values[key] = value
    return values


def read_whole(key: str, text: str, least: int = 1) -> int:
    """The value of ``key``. Raises UserError unless it is an integer of at least ``least``."""
    if not text.isdecimal() or int(text) < least:
        raise UserError(must_be(key, text, f"an integer of at least {least}"))
    return int(text)


def read_switch(key: str, text: str) -> bool:
    """The value of ``key``. Raises UserError unless it is true or false."""
    if text not in ("true", "false"):
        raise UserError(must_be(key, text, "true or false"))
    return text == "true"


def read_positive(key: str, text: str) -> float:
    """The value of ``key``. Raises UserError unless it is a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UserError(must_be(key, text, "a finite number above 0"))
    return number


def read_device(text: str, there: Callable[[], bool] | None = None) -> str:
    """``cpu``, or ``cuda`` if ``there`` finds a CUDA device. Raises UserError.

    Scripts that fork pass their own ``there``: a process that initialises CUDA cannot use it in its forks.
    """
    import torch

    if text not in ("cpu", "cuda") or (text == "cuda" and not (there or torch.cuda.is_available)()):
        raise UserError(must_be("device", text, "cpu, or cuda where there is a CUDA device"))
    return text


def script(main: Callable[[list[str]], int | None], usage: str | None) -> int:
    """Run a script's ``main`` with the words of the command line. A user error prints one line and gives status 2.

    ``main`` may return an exit status; None is 0.
    """

    def work() -> int | None:
        if set(sys.argv[1:]) & {"-h", "--help"}:
            print((usage or "").strip())
            return FINISHED
        return main(sys.argv[1:])

    return guarded(work)
