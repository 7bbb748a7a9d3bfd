"""Compose the configuration and hand it to ``experiments``. ``python train.py --help`` says what can be chosen."""

from __future__ import annotations

import os
import sys

import hydra
from omegaconf import DictConfig

from experiments import exits

os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach exits.one_line instead of being printed by Hydra


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(cfg: DictConfig) -> int:
    from experiments.runs.run import run

    return exits.outcomes.add(cfg, run)


if __name__ == "__main__":
    sys.exit(exits.one_line(main))
