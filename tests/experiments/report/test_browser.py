"""The committed page in a real browser: on a phone, in the dark, without JavaScript, and sorted by a click."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.errors import UserError
from experiments.report.browser import browser as open_browser
from experiments.report.browser import show as show_page
from experiments.studies.presets import load_preset

PAGE = Path(__file__).parents[3] / "results" / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        with open_browser() as driver:
            yield driver
    except UserError as missing:
        pytest.skip(str(missing))


def show(browser: Any, width: int, scheme: str = "light", script: bool = True) -> None:
    show_page(browser, PAGE, width, scheme=scheme, script=script)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(browser: Any, width: int, tmp_path: Path) -> None:
    show(browser, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    heights = "return [...document.querySelectorAll('figure svg')].map(f => f.getBoundingClientRect().height)"
    assert min(browser.execute_script(heights)) > 50
    assert browser.save_screenshot(str(tmp_path / "page.png"))
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_dark_and_light(browser: Any) -> None:
    colours = []
    for scheme in ("light", "dark"):
        show(browser, 1280, scheme)
        colours.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        stroke = "return getComputedStyle(document.querySelector('figure svg')).fill"
        colours.append(browser.execute_script(stroke))
    assert colours == ["rgb(255, 255, 255)", "rgb(28, 30, 33)", "rgb(21, 23, 27)", "rgb(230, 231, 234)"]


def test_everything_is_there_without_javascript(browser: Any) -> None:
    show(browser, 390, script=False)
    text = browser.find_element("tag name", "body").text
    assert "Summary" in text
    assert load_preset("table_mnist").title in text
    assert "What is missing" in text
    assert browser.find_elements("css selector", "th button") == []
    assert len(browser.find_elements("css selector", "table.sortable tbody tr")) >= 7


def test_a_click_sorts_and_another_turns_it_round(browser: Any) -> None:
    show(browser, 1280)
    table = browser.find_element("css selector", "#table_mnist table.sortable")
    head = table.find_elements("css selector", "th button")[2]

    def means() -> list[float]:
        cells = table.find_elements("css selector", "tbody td:nth-child(3)")
        return [float(cell.text.split()[0]) for cell in cells if cell.text != "—"]  # rows that were not run

    head.click()
    assert means() == sorted(means())
    head.click()
    assert means() == sorted(means(), reverse=True)
