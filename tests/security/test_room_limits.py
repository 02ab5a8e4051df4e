"""One participant cannot starve the room: memory, processor, idleness and places, with real kernels."""

import json
import shutil
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from labkit.core.paths import content_dir
from tests.security.test_room_isolation import Browser, Class, _home
from tests.unit.warm_kernels import gone, until

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="what is watched differs by system"),
]

# What a lab does that runs away: it grows, it takes all at once, or it never ends.
_CELL = """
import os, threading, time
if not os.environ.get("LABKIT_LEARNER"):
    raise RuntimeError("this page cannot be recorded")
kept = []
def grow():
    while True:
        kept.append(b"x" * 25_000_000)
        time.sleep(0.6)
def spin():
    while True:
        sum(range(100_000))
what = os.environ.get("QUERY_STRING", "").removeprefix("do=")
if what == "gulp":
    try:
        kept.append(bytearray(8_000_000_000))
        print("the system gave it")
    except MemoryError:
        print("the system refused it")
elif what in ("grow", "spin"):
    threading.Thread(target=globals()[what], daemon=True).start()
"""


def _serve(folder, *options):
    """Serve a class whose only lab runs away when it is asked to."""
    labs = folder / "notebooks"
    shutil.copytree(content_dir("notebooks") / "L00-start-here", labs / "L00-start-here")
    path = labs / "L00-start-here" / "lab.ipynb"
    notebook = json.loads(path.read_text())
    first = next(i for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code")
    source = [line + "\n" for line in _CELL.splitlines()]
    notebook["cells"].insert(first, {**notebook["cells"][first], "id": "runaway", "source": source})
    path.write_text(json.dumps(notebook))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_NOTEBOOKS", str(labs))
        return Class(_home(folder), *options)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    running = _serve(tmp_path_factory.mktemp("limited"), "--memory", "700")
    yield running
    running.stop()


@pytest.fixture
def own_room(tmp_path):
    begun = []

    def begin(*options):
        begun.append(_serve(tmp_path, *options))
        return begun[-1]

    yield begin
    for running in begun:
        running.stop()


def _enter(room, name):
    browser = Browser(room.port)
    browser.enter(name)
    return browser


def _report(browser, kernel):
    status, answer = browser.ask(f"labkit/kernel/{kernel}")
    assert status == 200
    return json.loads(answer)


def _until(browser, kernel, seconds, wanted):
    """Ask for a kernel until ``wanted(report)``, and return all that was reported."""
    seen, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen.append(_report(browser, kernel))
        if wanted(seen[-1]):
            return seen
        time.sleep(0.3)
    raise AssertionError(seen[-3:])


def _process(room, kernel):
    family = psutil.Process(room.process.pid).children(recursive=True)
    return next(
        each for each in family if each.name() == f"lab-{kernel[:8]}" or kernel in str(each.cmdline())
    )


def _niceness(process):
    """Return the niceness of each thread."""
    tasks = Path(f"/proc/{process.pid}/task")
    return {
        int(task.name): int((task / "stat").read_text().rpartition(")")[2].split()[16])
        for task in tasks.iterdir()
    }


def test_a_lab_that_grows_is_warned_and_then_stopped_and_the_next_one_starts(room):
    ada = _enter(room, "Ada")
    kernel = ada.open_lab("L00?do=grow")
    process = _process(room, kernel)
    seen = _until(ada, kernel, 90, lambda report: report["state"] != "running")
    assert any("of the 700 MB" in report.get("warning", "") for report in seen)
    assert seen[-1]["state"] == "ended"
    assert seen[-1]["reason"] == "memory"
    assert "more memory than one lab may take here (700 MB)" in seen[-1]["text"]
    until(lambda: gone(process.pid))  # the page is told first
    assert _report(ada, ada.open_lab("L00"))["state"] == "running"


def test_an_allocation_that_no_watch_would_see_in_time_is_refused_by_the_system(room):
    eve = _enter(room, "Eve")
    _, page = eve.ask("dashboards/L00?do=gulp")
    assert "the system refused it" in page


def test_work_that_goes_on_gives_way_and_what_answers_the_page_does_not(room):
    kim = _enter(room, "Kim")
    kernel = kim.open_lab("L00?do=spin")
    process = _process(room, kernel)
    deadline = time.monotonic() + 60
    usual = psutil.Process(room.process.pid).nice()
    lower = min(19, usual + 10)
    while lower not in _niceness(process).values() and time.monotonic() < deadline:
        time.sleep(0.5)
    nice = _niceness(process)
    assert list(nice.values()).count(lower) == 1
    assert nice[process.pid] == usual
    assert _report(kim, kernel) == {"state": "running", "warning": ""}


def test_nobody_else_is_told_about_a_kernel(room):
    ada, eve = _enter(room, "Ada"), _enter(room, "Eve")
    kernel = ada.open_lab("L00")
    assert _report(ada, kernel)["state"] == "running"
    assert _report(eve, kernel) == {"state": "gone"}
    assert _report(Browser(room.port), kernel) == {"state": "unknown"}


def test_a_fourth_lab_closes_the_oldest_and_its_page_is_told_why(room):
    ada = _enter(room, "Ada")
    kernels = [ada.open_lab("L00") for _ in range(4)]
    seen = _until(ada, kernels[0], 20, lambda report: report["state"] == "ended")
    assert seen[-1]["reason"] == "newer"
    assert [_report(ada, kernel)["state"] for kernel in kernels[1:]] == ["running"] * 3


def test_a_page_on_which_nothing_happens_is_paused(own_room):
    room = own_room("--pause-after", "0.1")
    ada = _enter(room, "Ada")
    kernel = ada.open_lab("L00")
    seen = _until(ada, kernel, 60, lambda report: report["state"] != "running")
    assert seen[-1]["reason"] == "idle"
    assert "nothing happened here for 6 seconds" in seen[-1]["text"]


def test_a_crowd_at_the_door_gets_no_more_places_than_there_are(own_room):
    room = own_room("--capacity", "2")
    crowd = [_enter(room, f"Guest {number}") for number in range(5)]
    answers = []
    waiting = [
        threading.Thread(target=lambda each=each: answers.append(each.ask("dashboards/L00")[0]))
        for each in crowd
    ]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert sorted(answers) == [200, 200, 503, 503, 503]


def test_in_a_full_room_a_lab_that_nobody_looks_at_makes_room(own_room):
    room = own_room("--capacity", "1")
    ada, eve = _enter(room, "Ada"), _enter(room, "Eve")
    kernel = ada.open_lab("L00")
    assert eve.ask("dashboards/L00")[0] == 503
    deadline = time.monotonic() + 60
    while (answer := eve.ask("dashboards/L00"))[0] == 503 and time.monotonic() < deadline:
        time.sleep(2)
    assert answer[0] == 200
    assert _report(ada, kernel)["reason"] == "full"
