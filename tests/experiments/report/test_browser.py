"""A page of two tables in a real browser: on a phone, in the dark, without JavaScript, and sorted by a click."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy
import PIL.Image
import pytest

from experiments.figures import style
from experiments.report.browser import show as show_page
from experiments.report.svg import ShortNames, inline_svg
from experiments.studies.presets import load_preset
from tests.experiments.zygote import Zygote

ROOT = Path(__file__).parents[3]
TABLES = ("table_mnist", "tuned_gpt2_tiny")

pytestmark = pytest.mark.slow  # the page takes most of a minute


@pytest.fixture(scope="module")
def page(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the committed records of ``TABLES``."""
    results = tmp_path_factory.mktemp("results")
    (results / "records" / "tuning").mkdir(parents=True)
    for name in TABLES:
        for place in ("records", "records/tuning"):
            if (ROOT / "results" / place / f"{name}.jsonl.gz").exists():
                shutil.copy(ROOT / "results" / place / f"{name}.jsonl.gz", results / place)
    made = train.script("scripts/report.py", "rebuild=true", f"runs_dir={results}/none", f"results_dir={results}")
    assert made.status == 0, made.err
    return results / "report.html"


def show(browser: Any, page: Path, width: int, scheme: str = "light", script: bool = True) -> None:
    show_page(browser, page, width, scheme=scheme, script=script)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(browser: Any, page: Path, width: int, tmp_path: Path) -> None:
    show(browser, page, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    opened = "document.querySelectorAll('details').forEach(each => each.open = true);"
    heights = "return [...document.querySelectorAll('figure svg')].map(f => f.getBoundingClientRect().height)"
    assert min(browser.execute_script(opened + heights)) > 50
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.save_screenshot(str(tmp_path / "page.png"))
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_the_contents_stand_left_on_a_desk_and_on_top_on_a_phone(browser: Any, page: Path) -> None:
    places = "return ['nav', 'main'].map(name => document.querySelector(name).getBoundingClientRect())"
    show(browser, page, 1280)
    contents, text = browser.execute_script(places)
    assert contents["right"] <= text["left"]
    assert contents["height"] <= 900  # of the window: it stays while the text moves
    show(browser, page, 390)
    contents, text = browser.execute_script(places)
    assert contents["bottom"] <= text["top"]
    assert contents["height"] < 300


def test_the_small_drawing_looks_like_the_file(browser: Any, tmp_path: Path) -> None:
    """Every pixel of a figure with curves, bands, marks and text: at most 1 in 100 differs by a tenth of the range."""
    made, panels = style.figure(2)
    for panel in panels:
        x = numpy.linspace(0.1, 3, 40)
        panel.fill_between(x, numpy.sin(x), numpy.sin(x) + 0.2, alpha=0.3)
        panel.plot(x, numpy.sin(x) ** 2, "o--", label="a line")
        panel.legend()
    panels[1].imshow(numpy.arange(9).reshape(3, 3), extent=(0.5, 1.5, 0, 1), aspect="auto")
    svg = style.save(made, tmp_path / "figure")[2].read_text()
    names = ShortNames()
    small = inline_svg(svg, "A figure", names)
    assert len(small) < len(svg) / 2
    rules = f"svg {{ width: 800px; height: auto; font-family: 'DejaVu Sans'; fill: currentColor }} {names.css()}"
    pictures = []
    for text in (svg[svg.index("<svg") :], f"<style>svg * {{ stroke-linejoin: round }}</style>{small}"):
        (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8><style>{rules}</style>{text}")
        show(browser, tmp_path / "page.html", 900)
        browser.save_screenshot(str(tmp_path / "page.png"))
        pictures.append(numpy.asarray(PIL.Image.open(tmp_path / "page.png").convert("L"), dtype=float))
    assert pictures[0].std() > 10
    assert (abs(pictures[0] - pictures[1]) > 25).mean() < 0.01


def test_dark_and_light(browser: Any, page: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        show(browser, page, 1280, scheme)
        colours.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        stroke = "return getComputedStyle(document.querySelector('figure svg')).fill"
        colours.append(browser.execute_script(stroke))
    assert colours == ["rgb(255, 255, 255)", "rgb(28, 30, 33)", "rgb(21, 23, 27)", "rgb(230, 231, 234)"]


def test_everything_is_there_without_javascript(browser: Any, page: Path) -> None:
    show(browser, page, 390, script=False)
    text = browser.find_element("tag name", "body").text
    assert "Summary" in text
    assert load_preset("table_mnist").title in text
    assert "What is missing" in text
    assert browser.find_elements("css selector", "th button") == []
    assert len(browser.find_elements("css selector", "table.sortable tbody tr")) >= 7


def test_a_click_sorts_and_another_turns_it_round(browser: Any, page: Path) -> None:
    show(browser, page, 1280)
    table = browser.find_element("css selector", "#table_mnist table.sortable")
    head = table.find_elements("css selector", "th button")[2]

    def means() -> list[float]:
        cells = table.find_elements("css selector", "tbody td:nth-child(3)")
        return [float(cell.text.split()[0]) for cell in cells if cell.text != "—"]  # rows that were not run

    head.click()
    assert means() == sorted(means())
    head.click()
    assert means() == sorted(means(), reverse=True)
