"""Examine a GPU with this suite: correctness, speed, parallel runs. Then train runs of a study.

  python scripts/gpu.py                          the first GPU, 9 minutes at most
  python scripts/gpu.py device=cpu minutes=2     the same on the CPU, smaller

  device       cuda (default) or cpu
  minutes      the time limit (9)
  results_dir  the page is <results_dir>/gpu/<device>.md, with a JSON beside it (results)

Only the runs of the study need data. The page is complete after every line, so you can stop the command at any time.
`python scripts/plan.py device=<device>` then predicts the hours of a study on this device.
Exit status: 0; 1 if a part failed, which the page names; 2 for bad input.
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
