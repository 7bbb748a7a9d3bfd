"""Turns exceptions into one line on stderr and an exit status. Imports nothing heavy, so that --help stays fast."""

from __future__ import annotations

import difflib
import functools
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationToMissingValueError,
    OmegaConfBaseException,
)

from experiments.config.compose import config_files, hydra_word
from experiments.errors import BAD_INPUT, FAILED, FINISHED, UNFINISHED, Busy, Stopped, UserError, unknown_key, worst
from experiments.runs.signals import leave_on_signals

MANY = 20  # choices; a longer list is not printed if a close match exists


class Outcomes:
    """The exit statuses of the runs of one command. A sweep continues after a run that fails."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.failures: list[str] = []

    def add(self, cfg: DictConfig, run: Callable[[DictConfig], int]) -> int:
        return self.attempt(" ".join(HydraConfig.get().overrides.task), functools.partial(run, cfg))

    def attempt(self, name: str, work: Callable[[], int]) -> int:
        """Run ``work()``, which is one run or several. ``name`` identifies it in the list of failures."""
        try:
            status = work()
        except Stopped as error:
            status = say(error)
            self.statuses.append(status)
            sys.exit(status)  # the signal stops the whole command
        except BrokenPipeError:
            raise
        except (UserError, Busy, OSError, HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            status = say(error)
            self.failures.append(f"{name}: {words(error)}")
        except Exception as error:  # Hydra would ignore it silently in a sweep
            traceback.print_exc()
            status = FAILED
            self.failures.append(f"{name}: {type(error).__name__}: {words(error)}")
        self.statuses.append(status)
        return status

    def worst(self) -> int:
        return worst(self.statuses)


outcomes = Outcomes()  # the runs of this command


def guarded(main: Callable[[], int | None]) -> int:
    """The exit status of ``main`` (None is 0). Every error that a user can act on becomes one line on stderr.

    If the reader of stdout closes it (``| head``), the command ends silently, as other tools do on SIGPIPE.
    """
    try:
        status = main() or FINISHED
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes again at exit
        return 128 + signal.SIGPIPE
    except (Stopped, HydraException, OmegaConfBaseException, UserError, OSError, yaml.YAMLError) as error:
        return say(error)


def one_line(main: Callable[[], Any]) -> int:
    """Run train.py's ``main`` with ``guarded``, and list the runs that failed."""

    sys.argv[1:] = map(hydra_word, sys.argv[1:])

    def trained() -> int | None:
        with leave_on_signals():
            try:
                main()
            except ValueError as error:  # Hydra's error for group=null does not name the group
                raise UserError(f"{' '.join(sys.argv[1:])}: {error}") from error
        return None

    status = guarded(trained)
    if status != FINISHED:
        return status
    if outcomes.failures and len(outcomes.statuses) > 1:
        print(f"{len(outcomes.failures)} of {len(outcomes.statuses)} runs failed:", file=sys.stderr)
        for failure in outcomes.failures:
            print(f"  {failure}", file=sys.stderr)
    return outcomes.worst()


def say(error: BaseException) -> int:
    """Print the error line; return its exit status."""
    if isinstance(error, (Busy, Stopped)):
        print(error, file=sys.stderr, flush=True)
        return UNFINISHED
    print(f"error: {words(error)}", file=sys.stderr)
    return BAD_INPUT


def words(error: BaseException) -> str:
    """One line for an error of this suite, of the operating system, of Hydra or of OmegaConf."""
    if isinstance(error, (UserError, Busy)):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return no_such_choice(str(error.missing_cfg_file), error.options or [])
    if ambiguous := re.search(r"Ambiguous value for argument '([^']+)'", str(error)):
        return f"{ambiguous[1]}: several values are a sweep; add -m: python train.py -m {' '.join(sys.argv[1:])}"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{mark.name}:{mark.line + 1}: not valid YAML: {error.problem}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form key=value ({first_line(error)})"
    if isinstance(error, InterpolationToMissingValueError):
        key = str(error).partition("Missing mandatory value: ")[2].split()[0]
        return f"{key}: no value given; give {key}=… on the command line"
    if isinstance(error.__cause__, OmegaConfBaseException):
        return words(error.__cause__)
    if isinstance(error, ConfigKeyError | ConfigAttributeError) and error.full_key:
        return unknown_key(given(error.full_key), known_keys(error), keys_of_groups(error))
    return " ".join(str(error).split())


def no_such_choice(path: str, options: Sequence[str]) -> str:
    """``dataset=mnits: must be one of …``; among many choices only the closest."""
    group, _, option = path.rpartition("/")
    if path == "hydra/launcher/sweep":
        return "launcher=slurm: needs the extra packages for Slurm; pip install -e '.[slurm]' first"
    if group == "hydra/launcher":
        group, options = "launcher", sorted(config_files(group))
    close = difflib.get_close_matches(option, options, n=3)
    if close and len(options) > MANY:
        return f"{group or 'config'}={option}: unknown name; did you mean {' or '.join(close)}?"
    return f"{group or 'config'}={option}: must be one of {', '.join(options)}"


def given(key: str) -> str:
    """``key=value`` as it was typed, or the key."""
    return next((word for word in sys.argv[1:] if word.lstrip("+~").startswith(f"{key}=")), key)


def known_keys(error: OmegaConfBaseException) -> list[str]:
    """The full keys beside the unknown one."""
    prefix = str(error.full_key).rpartition(".")[0]
    keys = list(error.parent_node) if isinstance(error.parent_node, DictConfig) else []
    return [f"{prefix}.{key}" if prefix else str(key) for key in keys]


def keys_of_groups(error: OmegaConfBaseException) -> list[str]:
    """The full keys of all groups, for an unknown key that has no group."""
    if "." in str(error.full_key) or not isinstance(error.parent_node, DictConfig):
        return []
    root = OmegaConf.to_container(error.parent_node)
    assert isinstance(root, dict)
    groups = {name: node for name, node in root.items() if isinstance(node, dict) and name != "hydra"}
    return [f"{name!s}.{key!s}" for name, node in groups.items() for key in node]


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
