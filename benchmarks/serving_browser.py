"""One participant with a real Chromium: from the click to a slider that has answered."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.serving_servers import Server
from labkit.core.errors import LabkitError

__all__ = ["chromium", "visit"]

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
_PATIENCE = 180_000  # milliseconds
_READING = 2_000  # milliseconds that a participant looks at the catalogue before the click
# A recorded page becomes a live one under the participant's fingers, so its parts are looked up each time.
_SLIDE = """() => new Promise((done, failed) => {
    const look = () => [...document.querySelectorAll('.lk-panel .lk-strip img')].map(each => each.src).join();
    const before = look(), begun = performance.now();
    setTimeout(() => failed(new Error('the slider did not answer within a minute')), 60000);
    const watch = () => look() !== before
        ? done((performance.now() - begun) / 1000) : requestAnimationFrame(watch);
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
    watch();
})"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium; ``LABKIT_CHROMIUM`` names another one than that of the system."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("LABKIT_CHROMIUM") or shutil.which("chromium")
    if path is None:
        raise LabkitError(
            "the benchmark of serving needs Chromium: install it, or set LABKIT_CHROMIUM to its path"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


def visit(browser: Any, server: Server, slides: int) -> tuple[float, list[float]]:
    """Open the lab in a new browser, from the catalogue where there is one.

    Returns
    -------
    float
        Seconds from the click until the first slider had answered.
    list of float
        Seconds from a key on the slider to changed pictures, for ``slides`` more of them.
    """
    page = browser.new_context().new_page()
    if server.is_class:
        page.goto(f"{server.home}/enter")
        page.locator("#name").fill("Chromium")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-lk-code]")
        page.goto(server.home)
        page.wait_for_timeout(_READING)
    began = time.perf_counter()
    page.goto(server.page, wait_until="commit")
    # Other panels of the page have pictures too, and on a busy machine they may come first.
    panel = page.locator(".lk-panel", has=page.locator(".widget-label", has_text="Steps")).first
    panel.locator(".lk-strip img").first.wait_for(timeout=_PATIENCE)
    panel.locator("[role=slider]").first.focus()
    page.evaluate(_SLIDE)
    interactive = time.perf_counter() - began
    taken = [float(page.evaluate(_SLIDE)) for _ in range(slides)]
    page.context.close()
    return interactive, taken
