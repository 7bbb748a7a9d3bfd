"""The page of a trial in a real browser: on a telephone, on a desk, in the dark, and on paper."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from experiments.report.browser import show
from experiments.trial.page import render_page
from experiments.trial.verdict import summary

PAPER = 718  # CSS pixels between the margins of A4 (1 cm each)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "index.html"
    path.write_text(render_page(verdict()))
    return path


def verdict() -> dict[str, Any]:
    """As large as a real one, with the longest words that one has."""
    row = {
        "against": "GELU", "kind": "worse", "difference": -1.25, "low": -2.5, "high": -0.1, "seeds": 20, "p": 0.01,
        "least_detectable": 1.09, "words": "worse by 0.10 to 2.50 points; settled at look 4 of 4 (20 seeds)",
    }  # fmt: skip
    rows = [row, row | {"against": "ReLU", "kind": "equivalent"}, row | {"against": "SiLU", "kind": "open"}]
    curve = [[0.001 * 3**k, 90.0 + k] for k in range(5)]
    task = {
        "title": "Handwritten digits, small diffusion model", "metric": "log10 of the relative L2 error", "digits": 2,
        "unit": "decades", "margin": 1.0, "rows": rows, "tuning": {"swash (β=1)": curve, "GELU": curve}, "edges": [],
        "curves": {"swash (β=1)": curve}, "chosen": {"swash (β=1)": [0.01], "GELU": [0.03]},
    }  # fmt: skip
    text = "not differentiable further: 2 times continuously differentiable at x = 0, and no more"
    finding = {"name": "first derivative", "grade": "fails", "text": text, "shown_by": "f(-2.47266) is -0.0169067"}
    times = [
        {"mode": mode, "size": size, "part": part, "ratios": {name: [12.34, 11.22, 13.44] for name in ("R", "G", "S")}}
        for mode in ("eager", "compiled")
        for size in ("small", "large")
        for part in ("forward", "training")
    ]
    certificate = {part: [finding] * 6 for part in ("values", "derivatives", "precision", "form")}
    command = "python scripts/trial.py activation=/a/very/long/path/of/a/user/with/no/blank/in/it/mine.py:swash"
    told = summary("swash (β=1)", certificate, None, [task])
    return {
        "title": "swash (β=1)", "summary": told, "method": "By seed. " * 20, "command": command,
        "next": f"{command} battery=hour", "tasks": [task] * 3, "certificate": certificate,
        "cost": {"times": times, "saved": {"own": 12, "ReLU": 4, "GELU": 4, "SiLU": 4}},
    }  # fmt: skip


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(browser: Any, page: Path, width: int) -> None:
    show(browser, page, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    heights = "return [...document.querySelectorAll('figure svg')].map(f => f.getBoundingClientRect().height)"
    assert min(browser.execute_script(heights)) > 100
    if width < 500:  # all tables are read without scrolling sideways
        wide = "return [...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().width)"
        assert max(browser.execute_script(wide)) <= width


def test_dark_and_light(browser: Any, page: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        show(browser, page, 1280, scheme=scheme)
        colours.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(21, 23, 27)"]


def test_on_paper_nothing_is_cut_off(browser: Any, page: Path) -> None:
    show(browser, page, PAPER)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        boxes = "[...document.querySelectorAll('.scroll, body')]"
        assert browser.execute_script(f"return {boxes}.filter(e => e.scrollWidth > e.clientWidth + 1).length") == 0
        ink = browser.execute_script("return getComputedStyle(document.body).color")
        assert ink == "rgb(0, 0, 0)"
        printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})["data"]
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    pdf = base64.b64decode(printed)
    assert pdf.startswith(b"%PDF")
    assert 1 <= pdf.count(b"/Type /Page\n") <= 6
