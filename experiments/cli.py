"""From exceptions to one line on stderr and an exit status. Imports nothing heavy, so that --help stays quick."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

import experiments.config  # noqa: F401 - registers the schemas' defaults with Hydra
from experiments.config.resolve import unknown_key
from experiments.errors import BAD_INPUT, FINISHED, UNFINISHED, Busy, Stopped, UserError


class Outcomes:
    """The exit statuses of the runs of one command; a sweep goes on after a run that fails."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.failures: list[str] = []

    def add(self, cfg: DictConfig, run: Callable[[DictConfig], int]) -> int:
        name = " ".join(HydraConfig.get().overrides.task)
        try:
            status = run(cfg)
        except Stopped as error:
            status = say(error)
            self.statuses.append(status)
            sys.exit(status)  # the signal was meant for the whole command
        except (UserError, Busy) as error:
            status = say(error)
            self.failures.append(f"{name}: {error}")
        self.statuses.append(status)
        return status

    def worst(self) -> int:
        """Bad input before divergence before unfinished before finished."""
        return min((s for s in self.statuses if s != FINISHED), default=FINISHED)


def one_line(main: Callable[[], Any], outcomes: Outcomes) -> int:
    """Call ``main``; every error a user can act on becomes one line on stderr."""
    try:
        main()
    except (HydraException, OmegaConfBaseException) as error:
        return say(error)
    if outcomes.failures and len(outcomes.statuses) > 1:
        print(f"{len(outcomes.failures)} of {len(outcomes.statuses)} runs failed:", file=sys.stderr)
        for failure in outcomes.failures:
            print(f"  {failure}", file=sys.stderr)
    return outcomes.worst()


def say(error: Exception) -> int:
    """Print the line; return the exit status that belongs to it."""
    if isinstance(error, (Busy, Stopped)):
        print(error, file=sys.stderr)
        return UNFINISHED
    print(f"error: {words(error)}", file=sys.stderr)
    return BAD_INPUT


def words(error: Exception) -> str:
    """One line for an error of ours, of Hydra or of OmegaConf."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        return f"{group or 'config'}={option}: must be one of {', '.join(error.options or [])}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form key=value ({first_line(error)})"
    if isinstance(error.__cause__, OmegaConfBaseException):
        return words(error.__cause__)
    if isinstance(error, ConfigKeyError | ConfigAttributeError) and error.full_key:
        return unknown_key(given(error.full_key), known_keys(error))
    return " ".join(str(error).split())


def given(key: str) -> str:
    """``key=value`` as it was typed, or the key."""
    return next((word for word in sys.argv[1:] if word.lstrip("+~").startswith(f"{key}=")), key)


def known_keys(error: OmegaConfBaseException) -> list[str]:
    """The keys beside the unknown one, in full."""
    prefix = str(error.full_key).rpartition(".")[0]
    keys = list(error.parent_node) if isinstance(error.parent_node, DictConfig) else []
    return [f"{prefix}.{key}" if prefix else str(key) for key in keys]


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
