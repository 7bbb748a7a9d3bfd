"""The sweep of an experiment preset: its cells and seeds, which are no product of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from experiments.config.compose import RECORDS
from experiments.studies.expansion import Expansion, expand_jobs


class PresetSweeper(BasicSweeper):
    """``-m experiment=X`` runs every cell of X with every seed; ``activation=gelu seed=0,1`` selects some of them.

    A preset with tuning or looks is trained stage by stage, until it is complete or a run fails.
    """

    def sweep(self, arguments: list[str]) -> list[Sequence[Any]]:
        from hydra.core.override_parser.overrides_parser import OverridesParser

        assert self.config is not None
        assert self.launcher is not None
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        parsed = parser.parse_overrides([*self._parse_config(), *arguments])
        jobs = self.split_arguments(parsed, None)[0]
        launched, before = [], Expansion([])
        while (found := expand_jobs(self.config.get("experiment"), jobs, RECORDS)) != before:
            if words := found.words():
                print(words, flush=True)
            if found.jobs:
                self.validate_batch_is_legal(found.jobs)
                launched.append(self.launcher.launch(found.jobs, initial_job_idx=0))
            if found.title is None or not found.jobs:
                break
            before = found
        return launched
