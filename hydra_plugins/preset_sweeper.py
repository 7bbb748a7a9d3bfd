"""The sweep of an experiment preset: its cells and seeds, which no product of lists expresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from experiments.studies.presets import expand


class PresetSweeper(BasicSweeper):
    """``-m experiment=X`` runs every cell of X with every seed; ``activation=gelu seed=0,1`` narrows it."""

    def sweep(self, arguments: list[str]) -> list[Sequence[Any]]:
        from hydra.core.override_parser.overrides_parser import OverridesParser

        assert self.config is not None
        assert self.launcher is not None
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        parsed = parser.parse_overrides([*self._parse_config(), *arguments])
        jobs = self.split_arguments(parsed, None)[0]
        jobs = expand(self.config.get("experiment"), jobs)
        self.validate_batch_is_legal(jobs)
        return [self.launcher.launch(jobs, initial_job_idx=0)]
