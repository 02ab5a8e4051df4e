"""What a participant waits for, in a real Chromium on a real server, and what a lab weighs.

Needs Chromium (``LABKIT_CHROMIUM`` names another one) and Playwright, as the browser tests do.
Victims are trained before anything is timed; every server starts with an empty home.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from labkit import data
from labkit.core.errors import LabkitError
from labkit.core.paths import cache_dir
from labkit.models import load_victim

__all__ = ["TITLE", "run"]

TITLE = "from the command to the catalogue, from a click to a lab that answers, and its memory"

Row = dict[str, Any]
_LAB = "L02"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
_PATIENCE = 180_000  # milliseconds
_SLIDES = 20


def run(repeats: int = 3) -> list[Row]:
    """Measure, each server and each page anew for every repeat.

    Parameters
    ----------
    repeats : int

    Returns
    -------
    list of dict
        ``what``, ``median``, ``worst``, ``unit`` and ``runs``.
    """
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("LABKIT_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise LabkitError(
            "the benchmark of serving needs Chromium: install it, or set LABKIT_CHROMIUM to its path"
        )
    load_victim("cnn", data.load("digits"))
    taken: dict[tuple[str, str], list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        for _ in range(repeats):
            with _server("--no-warm") as server:
                _catalogue(browser, server, taken)
                _open(browser, server, "click to interactive, cold", taken)
            with _server() as server:
                _wait_for_warmth(server)
                page = _open(browser, server, "click to interactive, warm", taken)
                taken.setdefault(("slider to figure", "s"), []).extend(_slide(page))
                taken.setdefault(("unique memory of a lab kernel", "MB"), []).append(_memory(page, server))
                page.context.close()
        browser.close()
    return [
        {
            "what": what,
            "median": statistics.median(values),
            "worst": max(values),
            "unit": unit,
            "runs": len(values),
        }
        for (what, unit), values in taken.items()
    ]


@contextmanager
def _server(*arguments: str) -> Iterator[dict[str, Any]]:
    """Start the lab as a participant does; ``started`` is when the command was given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="labkit-benchmark-", ignore_cleanup_errors=True) as home:
        (Path(home) / "cache").mkdir()
        (Path(home) / "cache" / "victims").symlink_to(cache_dir() / "victims", target_is_directory=True)
        command = [sys.executable, "-m", "labkit.cli", "lab", "--no-browser", "--no-training", *arguments]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, "LABKIT_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_it_answers(process, port)
            yield {"url": f"http://127.0.0.1:{port}", "port": port, "started": started, "process": process}
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/labkit/alive")
                if connection.getresponse().read() == b"labkit":
                    return
        except OSError:
            time.sleep(0.02)
    raise LabkitError("the lab did not start; run labkit lab to see why")


def _catalogue(browser: Any, server: dict[str, Any], taken: dict[tuple[str, str], list[float]]) -> None:
    page = browser.new_page()
    page.goto(server["url"])
    page.get_by_role("link", name="Open Evasion range").wait_for()
    seconds = time.perf_counter() - server["started"]
    taken.setdefault(("start to catalogue", "s"), []).append(seconds)
    page.close()


def _open(browser: Any, server: dict[str, Any], what: str, taken: dict[tuple[str, str], list[float]]) -> Any:
    """Open the lab with a browser that has nothing in its cache, and wait for the first pictures."""
    page = browser.new_context().new_page()
    page.goto(server["url"])
    begun = time.perf_counter()
    page.get_by_role("link", name="Open Evasion range").click()
    page.wait_for_selector("html[data-lk-ready=yes]", timeout=_PATIENCE)
    page.wait_for_selector(".lk-panel .widget-slider [role=slider]", timeout=_PATIENCE)
    page.wait_for_selector(".lk-panel .lk-strip img", timeout=_PATIENCE)
    taken.setdefault((what, "s"), []).append(time.perf_counter() - begun)
    return page


def _wait_for_warmth(server: dict[str, Any]) -> None:
    """Give the warm parent the time that a participant spends with the catalogue."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        kernels = psutil.Process(server["process"].pid).children()
        if any(each.memory_info().rss > 2e8 and each.cpu_percent(0.5) < 5 for each in kernels):
            return
        time.sleep(0.2)


def _slide(page: Any) -> list[float]:
    """Return the seconds from a key on the epsilon slider to changed pictures, in the page's clock."""
    handle = page.locator(".lk-panel", has=page.locator(".lk-strip img")).locator("[role=slider]").first
    handle.focus()
    script = """key => new Promise(done => {
        const panel = document.activeElement.closest('.lk-panel');
        const look = () => [...panel.querySelectorAll('.lk-strip img')].map(each => each.src).join();
        const before = look(), begun = performance.now();
        const watch = () => look() !== before
            ? done((performance.now() - begun) / 1000) : requestAnimationFrame(watch);
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
        watch();
    })"""
    return [page.evaluate(script, "ArrowRight" if i % 4 < 2 else "ArrowLeft") for i in range(_SLIDES)]


def _memory(page: Any, server: dict[str, Any]) -> float:
    """Return the memory in MB that would be free without the kernel of this page."""
    kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    for each in psutil.Process(server["process"].pid).children(recursive=True):
        if each.name() == f"lab-{kernel[:8]}" or any(kernel in word for word in each.cmdline()):
            return float(each.memory_full_info().uss) / 1e6
    raise LabkitError(f"there is no process of the kernel {kernel}")
