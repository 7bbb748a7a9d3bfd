"""The error that a user can act on, its wording, and the exit statuses of a run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

FINISHED = 0
FAILED = 1  # an error in the code, with its traceback
BAD_INPUT = 2
DIVERGED = 3
UNFINISHED = 75  # EX_TEMPFAIL: stopped after saving, or held by another process; run the same command again


def worst(statuses: Iterable[int]) -> int:
    """The worst status, in the order failure, bad input, divergence, unfinished, finished."""
    return min((status for status in statuses if status != FINISHED), default=FINISHED)


class UserError(Exception):
    """An error that the user can correct: printed as one line ``error: …``, exit status 2.

    The text names the key or file, the value given, and what is allowed or what to do.
    """

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


class Stopped(BaseException):
    """A signal asked the run to stop. Its state is saved, and the same command continues it (exit status 75).

    Not an Exception, like KeyboardInterrupt, so that no handler on the way takes it for a failure.
    """


class Busy(Exception):
    """Another process holds the run. Nothing was changed (exit status 75)."""


def must_be(key: str, value: Any, allowed: str) -> str:
    """``recipe.lr=-1: must be a finite number above 0``"""
    return f"{key}={value}: must be {allowed}"


def unknown_key(key: str, known: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    """``recipe.lrr: unknown; did you mean recipe.lr?``, or the known keys if none is close.

    ``elsewhere``: keys of other groups that the user may have meant.
    """
    return f"{key}: unknown; {suggestion(key, known, elsewhere)}"


def suggestion(key: str, known: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    """The closest of ``known`` and ``elsewhere``, else all of ``known``.

    Similarity counts only the part after the last point.
    """
    last = {name.rpartition(".")[2]: name for name in (*elsewhere, *known)}
    close = difflib.get_close_matches(key.partition("=")[0].rpartition(".")[2], list(last), n=1)
    return f"did you mean {last[close[0]]}?" if close else f"known: {', '.join(known)}"
