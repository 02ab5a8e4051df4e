"""A real server and a real Chromium."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from labkit.core.paths import content_dir
from tests.browser.rest import Talk
from tests.conftest import HOME

CHROMIUM = os.environ.get("LABKIT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = Path(os.environ.get("LABKIT_SCREENSHOTS") or HOME / "screenshots")

# What is said of a widget without its model or script.  A page with such a widget is loaded again, once.
GAVE_UP = ("Error: widget model not found", "Could not create a view for model id undefined")
LOADED_AGAIN = "labkit: parts of this page did not arrive"


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder; without a browser they are skipped, in CI they fail."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.timeout(600))  # a whole lab by keyboard, on a busy machine
            if not CHROMIUM and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason="no Chromium here; set LABKIT_CHROMIUM to its path"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Say what the page showed when a test failed: a machine that only runs tests keeps no pictures."""
    report = yield
    page = item.funcargs.get("page") if report.when == "call" and report.failed else None
    if page is not None and not page.is_closed():
        with suppress(Exception):  # a page that crashed shows nothing
            shown = page.locator("body").inner_text(timeout=20_000)
            report.sections.append((f"what {page.url} showed", shown))
            page.screenshot(path=PICTURES / f"failed-{item.name}.png", full_page=True)
    return report


@dataclass
class Server:
    """The lab, started as a participant starts it, with a home of its own."""

    home: Path
    port: int = 0
    process: subprocess.Popen = None
    environment: dict = field(default_factory=dict)
    command: tuple = ("lab",)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = self.port or probe.getsockname()[1]
        environment = {
            **os.environ,
            "LABKIT_HOME": str(self.home),
            "LABKIT_SEED": "1",
            "LABKIT_THINK_SECONDS": "0",
            **self.environment,
        }
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "labkit.cli",
                    *self.command,
                    "--no-browser",
                    "--no-training",
                    "--port",
                    str(self.port),
                ],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/labkit/alive", timeout=2) as answer:  # noqa: S310
                    if answer.read() == b"labkit":
                        return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self.home / "server.log").read_text())

    def kernels(self):
        """Return the kernels that run."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=10) as answer:  # noqa: S310
            return {each["id"] for each in json.load(answer)}

    def kill(self):
        """End the server and its kernels at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        finally:
            if self.process.poll() is None:
                self.kill()


def _home(folder):
    (HOME / "cache").mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir()
    (home / "cache").symlink_to(HOME / "cache", target_is_directory=True)
    return home


@pytest.fixture(scope="session")
def victims():
    """Train what the labs attack, as the server does in the background, and wait for it."""
    subprocess.run([sys.executable, "-m", "labkit.server.training"], check=True, timeout=280)


@pytest.fixture(scope="session")
def server(tmp_path_factory, victims):
    """One server for the tests that leave nothing behind."""
    running = Server(_home(tmp_path_factory.mktemp("server"))).start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path, victims):
    """A server that a test may kill and start again."""
    running = Server(_home(tmp_path)).start()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def broken_lab_server(tmp_path):
    """A server whose only lab has a cell that ends in an error."""
    folder = tmp_path / "notebooks" / "L00-start-here"
    shutil.copytree(content_dir("notebooks") / "L00-start-here", folder)
    notebook = json.loads((folder / "lab.ipynb").read_text())
    first = next(i for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code")
    source = "raise RuntimeError('a secret of the machine')"
    cell = {**notebook["cells"][first], "id": "broken", "source": source}
    notebook["cells"].insert(first, cell)
    (folder / "lab.ipynb").write_text(json.dumps(notebook))
    running = Server(_home(tmp_path), environment={"LABKIT_NOTEBOOKS": str(tmp_path / "notebooks")}).start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def chromium():
    """One browser for this folder; as long as it lives, no other event loop can be run in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong on a page while nobody looked."""

    errors: list = field(default_factory=list)
    outside: list = field(default_factory=list)
    leaving: bool = False  # the page is being loaded again

    def heard(self, message):
        if message.text.startswith(LOADED_AGAIN):
            self.leaving = True
        elif message.type == "error":
            self.errors.append(message.text)

    def arrived(self):
        """Forget what widgets said that are loaded again by now."""
        if self.leaving:
            self.forgive(*GAVE_UP)
        self.leaving = False

    def forgive(self, *words):
        """Forget the errors so far that begin with one of these words."""
        self.errors[:] = [each for each in self.errors if not each.startswith(words)]


@pytest.fixture
def page(chromium):
    """A page whose errors and requests are written down; nothing may be there at the end."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.watch = watch = Watch()
    page.talk = Talk(page)
    page.on("console", watch.heard)
    page.on("framenavigated", lambda _: watch.arrived())  # of a live demo, too
    page.on("pageerror", lambda error: watch.errors.append(str(error)))
    page.on("request", lambda request: None if _local(request.url) else watch.outside.append(request.url))
    yield page
    if not page.is_closed():
        page.wait_for_timeout(50)  # what it has said by now is heard
        if any(each.startswith(GAVE_UP) for each in watch.errors):
            page.wait_for_timeout(3000)  # it is loaded again within a moment
    # And not what closing makes of a part that still loads.
    said = list(watch.errors)
    context.close()
    assert said == []
    assert watch.outside == []


def _local(url):
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))


def open_dashboard(page, server, lab, query=""):
    """Open a lab and wait until its widgets are there and its victim is ready."""
    # The page is sent piece by piece while its parts are prepared, so it is not waited for as a whole.
    page.goto(f"{server.url}/dashboards/{lab}{query}", wait_until="commit")
    page.wait_for_selector("html[data-lk-ready=yes]", timeout=120_000)
    page.wait_for_selector(".lk-panel", timeout=120_000)
    walk_down(page)


def walk_down(page):
    """Go down the page as a reader does, so that every part is built, and back to its top."""
    waiting = page.locator(".lk-later")
    deadline = time.monotonic() + 120
    while waiting.count():
        assert time.monotonic() < deadline, "parts of the page are not built after two minutes"
        # The last of them may be gone by the time it is asked to come into view.
        page.evaluate("document.querySelector('.lk-later')?.scrollIntoView()")
        page.wait_for_timeout(100)
    page.evaluate("document.querySelector('.lk-top')?.scrollIntoView()")


def violations(page, name, within=None):
    """Keep a screenshot and return what axe-core finds, one line each, on the page or ``within`` a part."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
    found = Axe().run(page, within).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:160]} (+{len(each['nodes']) - 1})"
        for each in found
    ]
