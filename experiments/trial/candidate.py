"""The activation on trial, from the words of the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.activations.build import MakeActivation, activation_factory
from experiments.activations.names import activation_label
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.studies.naming import activation_title


@dataclass(frozen=True)
class Candidate:
    """``overrides`` select it in a run; ``activation`` is its typed configuration, with the digest of its source."""

    overrides: str
    activation: dict[str, Any]

    @property
    def title(self) -> str:
        return activation_title(self.activation)

    @property
    def folder(self) -> str:
        """``Swash-beta=2``: a folder name from its name and the given parameters."""
        given = [word for word in self.overrides.split() if not word.startswith(("activation=", "activation.target="))]
        parts = [activation_label(self.activation), *(word.removeprefix("activation.") for word in given)]
        return "".join(sign if sign.isalnum() or sign in "-=._" else "_" for sign in "-".join(parts))

    @property
    def make(self) -> MakeActivation:
        return activation_factory(self.activation)

    @property
    def identity(self) -> str:
        """Equal for the same source with the same parameters."""
        return json.dumps({k: v for k, v in self.activation.items() if k != "target"}, sort_keys=True)


def read_candidate(words: Sequence[str]) -> Candidate:
    """The activation that ``words`` name: ``activation=mine.py:Swash activation.beta=2``, or one with a name.

    Raises UserError if there is none, if its parameters are wrong, or if it cannot be called.
    """
    given = next((word.partition("=")[2] for word in words if word.startswith("activation=")), "")
    if not given:
        raise UserError("activation: no value given; give a file and a name, such as activation=mine.py:Swash")
    if ":" in given:
        words = [word for word in words if not word.startswith("activation=")]
        words = ["activation=custom", f"activation.target={given}", *words]
    if any(char.isspace() for word in words for char in word):
        raise UserError(f"activation={given}: the path and its parameters must not contain blanks")
    config = compose_run([*words, "dataset=digits", "model=mlp", "recipe=digits"])
    return Candidate(" ".join(words), config.activation)
