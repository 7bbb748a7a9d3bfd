"""Typed configuration: ``schema`` says what exists, ``resolve`` fills and checks it, ``identity`` hashes it."""

from experiments.config.compose import compose, compose_run
from experiments.config.identity import run_hash, run_path, run_title
from experiments.config.resolve import resolve
from experiments.config.schema import Config

__all__ = ["Config", "compose", "compose_run", "resolve", "run_hash", "run_path", "run_title"]
