"""Opens the report in headless Chromium through its own driver. Nothing is downloaded."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.errors import UserError

SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # root in a container cannot create one, and the page is our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
)
PATIENCE = 180  # seconds for one page, on a crowded machine


@contextmanager
def browser() -> Iterator[Any]:
    """A selenium driver. Raises UserError if Chromium, its driver or selenium is not installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        raise UserError("no chromium with chromedriver (Debian: apt install chromium chromium-driver)")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError as missing:
        raise UserError("the browser is driven by selenium: pip install -e '.[dev]'") from missing
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for switch in (*SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        made = webdriver.Chrome(options=options, service=Service(driver))
        try:
            made.set_page_load_timeout(PATIENCE)
            made.set_script_timeout(PATIENCE)
            yield made
        finally:
            made.quit()


def show(driver: Any, page: Path, width: int, height: int = 900, scheme: str = "light", script: bool = True) -> None:
    """Open ``page`` in a window of the given CSS pixels (below 500 for a phone), in a light or dark ``scheme``."""
    command = driver.execute_cdp_cmd
    command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    command("Emulation.setDeviceMetricsOverride", metrics)
    command("Emulation.setScriptExecutionDisabled", {"value": not script})
    driver.get(page.resolve().as_uri())
