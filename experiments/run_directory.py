"""The run directory: what identifies it, and whether an existing one is this run's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from experiments.config import Config, run_hash
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
    try:
        known: dict[str, Any] = read_json(meta)
        found = (known["format"], known["run"], known["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{meta}: damaged ({error}); restore it, or move {directory} away to start anew") from error
    if found[0] != FORMAT:
        raise UserError(
            f"{directory}: written by another version of this suite (format {found[0]}, this one reads {FORMAT}); "
            f"use that version, or move the directory away to start anew"
        )
    if found[1:] != (run_hash(config), config.seed):
        raise UserError(f"{directory}: holds another run (seed {found[2]} of {found[1][:8]}); move it away")
