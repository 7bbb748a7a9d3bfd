"""The leaderboard of activations: docs/leaderboard.md, from the records of trials in results/leaderboard.

  python scripts/leaderboard.py                      write the page
  python scripts/leaderboard.py check=true           judge every record again; write nothing
  python scripts/leaderboard.py repeat=telu draw=1   train one run of a record again, drawn at random

A trial writes record.json to its folder. To add it to the leaderboard, copy it to results/leaderboard/<name>.json.
Exit status: 0; 2 if a record is invalid, or if a run did not repeat.
"""

from __future__ import annotations

import sys

from experiments.cli import key_values, read_switch, read_whole, script
from experiments.config.compose import ROOT
from experiments.errors import UserError
from experiments.files import write_atomic
from experiments.trial.leaderboard import FOLDER, check_entry, read_entry, record_paths, repeat_run
from experiments.trial.ranking import filled, page_path

KEYS = {"check": "false", "repeat": "", "draw": "0"}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    if values["repeat"]:
        path = FOLDER / f"{values['repeat']}.json"
        if not path.exists():
            names = ", ".join(each.stem for each in record_paths())
            raise UserError(f"repeat={values['repeat']}: must be one of {names or 'none: there is no record'}")
        print(repeat_run(path, read_whole("draw", values["draw"], 0)))
        return
    if read_switch("check", values["check"]):
        for path in record_paths():
            check_entry(path)
            print(f"{path.name}: its verdicts follow from its results")
        return
    page = page_path(ROOT)
    write_atomic(page, filled(page.read_text(), {path.stem: read_entry(path) for path in record_paths()}).encode())
    print(page.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
