"""Typed configuration: ``schema`` says what exists, ``resolve`` turns Hydra's composition into it, ``identity`` hashes it."""

from experiments.config.identity import run_hash, run_path, science
from experiments.config.resolve import resolve
from experiments.config.schema import Config

__all__ = ["Config", "resolve", "run_hash", "run_path", "science"]
