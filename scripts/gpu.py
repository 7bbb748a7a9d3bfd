"""Examine a GPU with this suite: is it right, how fast, how many runs at a time; then train runs of a study.

  python scripts/gpu.py                          the first GPU, 9 minutes at most
  python scripts/gpu.py device=cpu minutes=2     the same on the CPU, smaller

  device       cuda (default) or cpu
  minutes      the end, whatever is left to do (9)
  results_dir  the page is <results_dir>/gpu/<device>.md, with a JSON beside it (results)

It needs no data, but for the runs of the study. The page is whole after every line: stop it whenever you like.
`python scripts/plan.py device=<device>` then tells the hours of a study on this device.
Exit status: 0; 1 a part failed, the page says which; 2 bad input.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.gpu.examination import FAILED, Examination
from experiments.cli import key_values, read_positive, script
from experiments.errors import FINISHED, UserError, must_be

KEYS = {"device": "cuda", "minutes": "9", "results_dir": "results"}


def main(words: list[str]) -> int:
    values = key_values(words, KEYS)
    if values["device"] not in ("cuda", "cpu"):
        raise UserError(must_be("device", values["device"], "cuda or cpu"))
    minutes = read_positive("minutes", values["minutes"])
    examination = Examination(values["device"], minutes, Path(values["results_dir"]), partial(print, flush=True))
    examination.run()
    print(f"page: {examination.stem}.md")
    return int(any(part["state"] == FAILED for part in examination.report["parts"].values())) or FINISHED


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
