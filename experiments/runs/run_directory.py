"""The run directory: the files that identify it, and whether an existing one belongs to this run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from experiments.config.identity import run_hash
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.files import read_json, write_atomic, write_json

FORMAT = 1


def open_directory(directory: Path, config: Config) -> None:
    """Write config.yaml and meta.json into a new directory; check those of an existing one.

    Raises UserError for a directory of another version of this suite, or one whose files are of another run.
    """
    meta = directory / "meta.json"
    if not meta.exists():
        write_atomic(directory / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(config))).encode())
        write_json(meta, {"format": FORMAT, "run": run_hash(config), "seed": config.seed, "parts": []})
        return
    known = read_known(meta)
    try:
        found = (known["run"], known["seed"], list(known["parts"]))[:2]
    except (KeyError, TypeError) as error:
        raise damaged(meta, error) from error
    if found != (run_hash(config), config.seed):
        raise UserError(f"{directory}: holds another run (seed {found[1]} of {str(found[0])[:8]}); move it away")


def read_known(path: Path) -> dict[str, Any]:
    """meta.json or metrics.json of an existing run. Raises UserError if it is damaged or of another version."""
    try:
        known: dict[str, Any] = read_json(path)
        version = known["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
    if version != FORMAT:
        raise UserError(
            f"{path.parent}: written by another version of this suite (format {version}, this one reads {FORMAT}); "
            f"use that version, or move the directory away to start anew"
        )
    return known


def damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: damaged ({error!r}); restore it, or move {path.parent} away to start anew")
