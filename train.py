"""Compose the configuration and pass it to ``experiments``. ``python train.py --help`` lists the choices."""

from __future__ import annotations

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports ends the program without a traceback

import hydra  # noqa: E402
from omegaconf import DictConfig  # noqa: E402

from experiments import exits  # noqa: E402

os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach exits.one_line instead of being printed by Hydra


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(cfg: DictConfig) -> int:
    from experiments.runs.run import run

    return exits.outcomes.add(cfg, run)


if __name__ == "__main__":
    sys.exit(exits.one_line(main))
