"""A class in real browsers: entering, coming back, pausing, going on, and a room that is full."""

import os
import re
import signal

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Server, _home, violations, walk_down

LAB, DIALS = "L00", "L02"


def serve(folder, *options):
    """Serve a class, as an instructor does."""
    return Server(_home(folder), command=("serve", "--class", "tested", *options)).start()


@pytest.fixture(scope="module")
def room(tmp_path_factory, victims):
    running = serve(tmp_path_factory.mktemp("room"))
    yield running
    running.stop()


@pytest.fixture
def own_room(tmp_path, victims):
    """Return a function that serves a class with options; it is stopped in the end."""
    begun = []

    def begin(*options):
        begun.append(serve(tmp_path, *options))
        return begun[-1]

    yield begin
    for running in begun:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def visitor(chromium):
    """Return a function that gives a page in a browser of its own."""
    contexts = []

    def come(**settings):
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **settings)
        contexts.append(context)
        return context.new_page()

    yield come
    for context in contexts:
        context.close()


def enter(page, room, name):
    page.goto(room.url)
    page.get_by_label(re.compile("name", re.IGNORECASE)).first.fill(name)
    page.keyboard.press("Enter")
    code = page.locator("[data-lk-code]").inner_text()
    page.get_by_role("link", name="To the labs").click()
    return code


def open_lab(page, room, lab=LAB, ready=".lk-panel"):
    page.goto(f"{room.url}/dashboards/{lab}", wait_until="commit")
    page.wait_for_selector("html[data-lk-ready=yes]", timeout=120_000)
    page.wait_for_selector(ready, timeout=120_000)


def wait_until_recorded(page, room, lab):
    """Wait until the page of a lab is given out as it was recorded."""
    for _ in range(240):
        if lab in page.request.get(f"{room.url}/labkit/pages").json()["labs"]:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{lab} was not recorded")


def test_a_participant_enters_by_keyboard_and_comes_back_with_a_code(room, visitor):
    page = visitor()
    page.goto(room.url)
    assert violations(page, "room-enter") == []
    page.keyboard.press("Tab")
    for _ in range(12):
        if page.evaluate("document.activeElement.name") == "name":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    code = page.locator("[data-lk-code]").inner_text()
    assert violations(page, "room-entered") == []
    page.keyboard.press("Enter")  # the way on has the focus
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    elsewhere = visitor()
    elsewhere.goto(room.url)
    elsewhere.locator("input[name=code]").fill(code.lower().replace("-", " "))
    elsewhere.keyboard.press("Enter")
    expect(elsewhere.get_by_text("Ada").first).to_be_visible()


def test_two_with_one_name_keep_apart_what_they_do(room, visitor):
    first, second = visitor(), visitor()
    for page in (first, second):
        enter(page, room, "Kim")
        open_lab(page, room)
    question = first.locator(".widget-radio").first
    question.locator("input").first.check()
    first.get_by_role("button", name="Answer").first.click()
    expect(first.get_by_role("button", name="Answer again").first).to_be_visible()
    second.reload(wait_until="commit")
    second.wait_for_selector("html[data-lk-ready=yes]", timeout=120_000)
    expect(second.get_by_role("button", name="Answer again")).to_have_count(0)


def test_an_idle_page_is_paused_says_so_and_goes_on_where_it_was(own_room, visitor):
    room = own_room("--pause-after", "0.25")
    page = visitor()
    enter(page, room, "Ada")
    open_lab(page, room, DIALS)
    walk_down(page)
    slider = page.get_by_role("slider", name="Epsilon").first
    slider.scroll_into_view_if_needed()
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    left = slider.get_attribute("aria-valuenow")
    heading = page.get_by_role("heading", name="Attack by asking")
    heading.scroll_into_view_if_needed()
    paused = page.locator(".lk-keeping").get_by_text("Paused:")
    expect(paused).to_be_visible(timeout=60_000)
    page.screenshot(path=PICTURES / "room-paused.png")
    assert violations(page, "room-paused-whole") == []
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.screenshot(path=PICTURES / "room-paused-dark.png")
    button = page.locator(".lk-keeping").get_by_role("button", name="Continue")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("html:not([data-lk-paused])[data-lk-ready=yes]", timeout=120_000)
    slider = page.get_by_role("slider", name="Epsilon").first
    expect(slider).to_have_attribute("aria-valuenow", left, timeout=60_000)
    expect(heading).to_be_in_viewport(timeout=20_000)


def test_a_server_that_comes_back_after_a_power_cut_leads_on(own_room, visitor):
    room = own_room()
    page = visitor()
    enter(page, room, "Ada")
    open_lab(page, room, DIALS)
    slider = page.get_by_role("slider", name="Epsilon").first
    slider.focus()
    slider.press("ArrowRight")
    left = slider.get_attribute("aria-valuenow")
    page.wait_for_timeout(1500)
    room.kill()
    notice = page.locator(".lk-keeping")
    expect(notice.get_by_text("Not connected.")).to_be_visible(timeout=30_000)
    page.screenshot(path=PICTURES / "room-not-connected.png")
    room.start()
    expect(notice.get_by_text("Paused:")).to_be_visible(timeout=60_000)
    wait_until_recorded(page, room, DIALS)  # so that the page is one that was made for nobody
    notice.get_by_role("button", name="Continue").click()
    page.wait_for_selector("html:not([data-lk-paused])[data-lk-ready=yes]", timeout=120_000)
    slider = page.get_by_role("slider", name="Epsilon").first
    expect(slider).to_have_attribute("aria-valuenow", left, timeout=60_000)


def test_a_connection_that_was_away_for_a_while_comes_back_by_itself(own_room, visitor):
    room = own_room()
    page = visitor()
    enter(page, room, "Ada")
    open_lab(page, room, DIALS)
    os.kill(room.process.pid, signal.SIGSTOP)
    try:
        notice = page.locator(".lk-keeping")
        expect(notice.get_by_text("Not connected.")).to_be_visible(timeout=40_000)
    finally:
        os.kill(room.process.pid, signal.SIGCONT)
    expect(notice.get_by_text("Connected again.")).to_be_visible(timeout=30_000)
    slider = page.get_by_role("slider", name="Epsilon").first
    slider.focus()
    words = page.locator(".lk-panel [role=status] strong").first
    before = words.inner_text()
    slider.press("End")
    expect(words).not_to_have_text(before, timeout=20_000)


def test_a_process_that_dies_is_told_within_seconds(own_room, visitor):
    room = own_room()
    page = visitor()
    enter(page, room, "Ada")
    open_lab(page, room)
    children = psutil.Process(room.process.pid).children(recursive=True)
    kernel = [each for each in children if each.name().startswith("lab-")]
    assert len(kernel) == 1
    kernel[0].send_signal(signal.SIGKILL)
    notice = page.locator(".lk-keeping")
    expect(notice.get_by_text("ended unexpectedly")).to_be_visible(timeout=15_000)
    expect(notice.get_by_role("button", name="Continue")).to_be_visible()


def test_a_full_room_says_so_and_lets_in_whoever_waits_when_somebody_leaves(own_room, visitor):
    room = own_room("--capacity", "1")
    first, second = visitor(), visitor()
    enter(first, room, "Ada")
    open_lab(first, room)
    enter(second, room, "Eve")
    second.goto(f"{room.url}/dashboards/{LAB}")
    expect(second.get_by_role("heading", name="The room is full")).to_be_visible()
    assert violations(second, "room-full") == []
    first.goto(room.url)  # the page is left, and says so
    second.wait_for_selector("html[data-lk-ready=yes]", timeout=60_000)
