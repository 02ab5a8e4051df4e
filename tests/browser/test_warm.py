"""Dashboards and JupyterLab on kernels that are forked from the server's warm parent."""

import json
import os
import signal
import time
import urllib.request

import psutil
import pytest

from labkit.server.warm.keeper import possible
from tests.browser.conftest import open_dashboard

pytestmark = pytest.mark.skipif(not possible(), reason="kernels are forked on Linux only")
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"


def _warm_parent(server):
    """Wait for the parent, and return it: the one child that runs its program and has no thread."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for each in psutil.Process(server.process.pid).children():
            if "labkit.server.warm.parent" in each.cmdline() and each.memory_info().rss > 2.5e8:
                return each
        time.sleep(0.2)
    raise AssertionError((server.home / "server.log").read_text())


def _kernels(server):
    """Return the forked kernels: by the beginning of their ids."""
    family = psutil.Process(server.process.pid).children(recursive=True)
    return {each.name().removeprefix("lab-"): each for each in family if each.name().startswith("lab-")}


def _some_kernels(server):
    """Wait until there is one."""
    deadline = time.monotonic() + 120
    while not (found := _kernels(server)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _known(server):
    with urllib.request.urlopen(f"{server.url}/api/kernels", timeout=10) as answer:  # noqa: S310
        return {each["id"]: each for each in json.load(answer)}


def test_a_dashboard_opens_on_a_forked_kernel(own_server, page):
    _warm_parent(own_server)
    open_dashboard(page, own_server, "L00")
    kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    assert kernel[:8] in _kernels(own_server)


def test_jupyterlab_runs_cells_interrupts_and_restarts_on_a_forked_kernel(own_server, page):
    _warm_parent(own_server)
    page.goto(own_server.url + "/hands-on/L00")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=120_000)
    page.wait_for_function(IDLE, timeout=120_000)
    [(kernel, process)] = _some_kernels(own_server).items()
    cell = page.locator(".jp-CodeCell .cm-content").first
    cell.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("import sys; print('captum' in sys.modules, 6 * 7)\nwhile True: pass")
    page.keyboard.press("Control+Enter")
    page.get_by_text("True 42").wait_for(timeout=60_000)
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    page.keyboard.press("i")
    page.get_by_text("KeyboardInterrupt").first.wait_for(timeout=60_000)
    page.keyboard.press("0")
    page.keyboard.press("0")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.wait_for_function(IDLE, timeout=120_000)
    deadline = time.monotonic() + 60
    while _kernels(own_server).get(kernel) in (None, process) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _kernels(own_server)[kernel].pid != process.pid
    page.wait_for_timeout(50)
    # JupyterLab calls it an error that the kernel which ended no longer answers its question.
    page.watch.forgive("Could not restore the debugger state: Canceled future")


def test_nothing_is_left_when_the_server_is_killed(own_server, page):
    parent = _warm_parent(own_server)
    open_dashboard(page, own_server, "L00")
    family = [parent, *_kernels(own_server).values()]
    assert len(family) >= 2
    page.goto("about:blank")
    os.kill(own_server.process.pid, signal.SIGKILL)
    own_server.process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
