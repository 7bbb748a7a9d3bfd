"""Photograph results/report.html for docs/findings.md: a desktop window in light colours, a phone in dark ones.

  python -m experiments.report.screenshot        after scripts/report.py: make screenshot

Writes results/report_desk.png and results/report_phone.png. Needs Chromium and its driver (Debian: chromium,
chromium-driver) and selenium.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import PIL.Image

from experiments.cli import key_values, script
from experiments.errors import UserError
from experiments.files import write_atomic
from experiments.report.browser import browser, show

VIEWS = {"desk": (1280, 1100, "light"), "phone": (390, 1100, "dark")}


def main(words: list[str]) -> None:
    results = Path(key_values(words, {"results_dir": "results"})["results_dir"])
    page = results / "report.html"
    if not page.exists():
        raise UserError(f"{page}: missing; make report writes it")
    with browser() as driver:
        for name, (width, height, scheme) in VIEWS.items():
            show(driver, page, width, height, scheme)
            path = results / f"report_{name}.png"
            write_atomic(path, with_fewer_colours(driver.get_screenshot_as_png()))
            print(f"screenshot: {path}, {width} × {height}")


def with_fewer_colours(png: bytes) -> bytes:
    """The picture with 128 colours, at a third of the size."""
    picture = PIL.Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=PIL.Image.Dither.NONE)
    picture.save(made := io.BytesIO(), format="png", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
