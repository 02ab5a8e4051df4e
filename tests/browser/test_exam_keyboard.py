"""The desk of the exam in JupyterLab: by keyboard alone, and as axe-core and a screen reader find it."""

import re
from urllib.parse import unquote, urlsplit

import pytest

from labkit.core.paths import content_dir
from labkit.exams.bank import read_bank, right_answer
from labkit.exams.sitting import Sitting
from tests.browser.conftest import PICTURES, Server, _home, violations
from tests.browser.exam_desk import DESK, LAST, answer_by_keys, headed, kept, shows, until, walk
from tests.browser.keys import LONG, back_to, focused, tab_to, tick
from tests.exam_kinds import make_exam_of_kinds

_CELLS = """() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")].map((cell) => [
    cell.className.match(/jp-(Code|Markdown|Raw)Cell/)[1], cell.querySelector(".cm-content")?.textContent,
])"""


@pytest.fixture
def server(tmp_path):
    """A server whose exam is short and has an item of every kind."""
    exams = make_exam_of_kinds(tmp_path / "exams")
    running = Server(_home(tmp_path), environment={"LABKIT_EXAMS": str(exams)}).start()
    yield running
    running.stop()


@pytest.fixture
def sitting(server, page):
    """A sitting that was begun by keyboard; its desk is shown, and its first field has the focus."""
    page.goto(f"{server.url}/exam")
    tab_to(page, "Begin the practice exam")
    page.keyboard.press("Enter")
    page.locator(".jp-Notebook").wait_for(timeout=LONG)
    page.get_by_text(re.compile(r"\| Idle")).wait_for(timeout=LONG)  # without a kernel nothing is run
    page.wait_for_function("document.activeElement.matches('.jp-Cell')", timeout=LONG)
    for _ in range(3):
        page.keyboard.press("Shift+Enter")
    page.get_by_role("button", name="Submit", exact=True).wait_for(timeout=LONG)
    page.keyboard.press("ArrowUp")  # what is selected now is the cell below
    tab_to(page, "Large type")
    name = unquote(urlsplit(page.url).path).split("/exams/")[1].split("/")[0]
    (folder,) = server.home.rglob(f"exams/{name}")
    return Sitting(folder)


def test_a_sitting_is_taken_by_keyboard(sitting, page):
    cells = page.evaluate(_CELLS)
    views, bank = sitting.items(), read_bank(content_dir("exams") / "practitioner" / "items")
    walk_through(page, len(views))
    assert page.evaluate(_CELLS) == cells, "keys that were pressed on the desk changed the notebook"
    assert not sitting.submitted

    back_to(page, "Go to")
    page.keyboard.press("Home")
    for number, (name, view) in enumerate(views.items(), start=1):
        if number > 1:
            back_to(page, "Go to")
        page.keyboard.press("ArrowDown")
        headed(page, f"Item {number} of {len(views)}")
        if view["kind"] == "numeric":
            refuses_words(page, sitting, name)
        right = right_answer(bank.find(name), view["variant"])
        answer_by_keys(page, view, right)
        kept(page, sitting, name, right)
    marks_and_notes(page, sitting, name)
    large_type(page)
    hands_in(page, sitting)
    assert all(place.answered for place in (*sitting.state().tasks, *sitting.state().items))
    submits(page, sitting)


def walk_through(page, count):
    """Go from place to place with the button, and through all stops of each."""
    walk(page)
    for number in range(1, count + 1):
        back_to(page, "Next")
        page.keyboard.press("Enter")
        headed(page, f"Item {number} of {count}")
        page.wait_for_function("document.activeElement.matches('.lk-place')", timeout=LONG)
        walk(page)


def refuses_words(page, sitting, name):
    tab_to(page, "Your answer")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="expected a number").wait_for(timeout=LONG)
    assert focused(page) == "Your answer"
    assert name not in sitting.answers()
    back_to(page, "Go to")


def marks_and_notes(page, sitting, name):
    """Say how sure one is, mark the item, and write a note with the letters that JupyterLab listens to."""
    back_to(page, "Go to")
    tab_to(page, "I know it")
    page.keyboard.press("Space")
    until(page, lambda: sitting.answers()[name]["confidence"] == "know", "how sure one is")
    assert focused(page) == "I know it"
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    tick(page, "Come back to this one")
    shows(page, f"▲ Item {len(sitting.items())}: flagged, answered")
    assert focused(page) == "Come back to this one"
    tab_to(page, "Notes")
    page.keyboard.type("dd: a bad memo\nm x")
    page.keyboard.press("Tab")
    until(page, lambda: sitting.notes().get(name) == "dd: a bad memo\nm x", "the note")


def large_type(page):
    size = "() => parseFloat(getComputedStyle(document.querySelector('.lk-desk .lk-place p')).fontSize)"
    before = page.evaluate(size)
    back_to(page, "Large type")
    page.keyboard.press("Space")
    page.wait_for_function(f"before => ({size})() > 1.4 * before", arg=before, timeout=LONG)
    assert focused(page) == "Large type"


def hands_in(page, sitting):
    """Leave the desk with Escape, run the cells of the task, and come back: the desk knows."""
    page.keyboard.press("Escape")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(
        "step = materials.facts['epsilon'] * weights.sign()\n"
        "exam.hand_in('T1', x_adv=x + step, claimed_gain=1.0, why_side=2)"
    )
    page.keyboard.press("Shift+Enter")
    page.get_by_text("T1: handed in, version 1").wait_for(timeout=LONG)
    shows(page, "✔ T1 Push T1: answered, version 1")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    tab_to(page, "Go to")
    page.keyboard.press("Home")
    headed(page, "T1 Push T1")
    page.get_by_role("region", name="What is handed in").get_by_text("version 1").first.wait_for(timeout=LONG)


def submits(page, sitting):
    """Tick that one means it, press the button that this unlocks, and read the result."""
    tick(page, LAST)
    page.get_by_role("button", name="Submit", exact=True, disabled=False).wait_for(timeout=LONG)
    page.keyboard.press("Tab")
    assert focused(page) == "Submit"
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.activeElement.closest('.lk-desk') && "
        "document.activeElement.textContent.includes('Your exam is submitted')",
        timeout=LONG,
    )
    assert sitting.submitted
    page.get_by_role("status").filter(has_text="Result of the practice").wait_for(timeout=LONG)
    assert "Your exam is submitted" in focused(page)
    tab_to(page, "The rule that decides")
    assert "not passed" not in page.locator(".lk-desk").inner_text()


_CUT = """() => [...document.querySelectorAll(".lk-desk *")].filter((part) => part.clientWidth > 0 &&
    part.scrollWidth > part.clientWidth + 3 && getComputedStyle(part).display !== "inline" &&
    !part.closest(".lk-scroll")).map((part) => part.outerHTML.slice(0, 120))"""
"""Parts of the desk that are wider than there is room for; a wide table scrolls in a box of its own."""


def test_nothing_bars_the_way_on_any_view_in_any_look(sitting, page):
    """axe-core in JupyterLab, light and dark and in large type, and a window as zoomed to 200 %."""
    heard(page, sitting)
    found = []
    for theme, large in (("Light", True), ("Light", False), ("Dark", False)):
        themed(page, theme)
        page.get_by_role("checkbox", name="Large type").set_checked(large)
        for kind in opened(page, sitting):
            found += violations(page, f"exam-desk-{theme}-{'large' if large else 'small'}-{kind}", DESK)
    assert found == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+B")  # the files at the side leave no room in a narrow window
    page.set_viewport_size({"width": 512, "height": 1600})
    for large in (True, False):
        page.get_by_role("checkbox", name="Large type").set_checked(large)
        for kind in opened(page, sitting):
            page.locator(DESK).screenshot(path=PICTURES / f"exam-desk-narrow-{large}-{kind}.png")
            assert page.evaluate(_CUT) == [], kind
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("checkbox", name=LAST).check()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("status").filter(has_text="Result of the practice").wait_for(timeout=LONG)
    found = violations(page, "exam-desk-Dark-result", DESK)
    themed(page, "Light")
    assert found + violations(page, "exam-desk-Light-result", DESK) == []


def opened(page, sitting):
    """Open the task and every item in turn, and yield what kind each is."""
    go = page.get_by_role("combobox", name="Go to", exact=True)
    for number, kind in enumerate(["task", *(view["kind"] for view in sitting.items().values())]):
        go.select_option(index=number)
        headed(page, f"Item {number} of" if number else "T1")
        yield kind


def themed(page, theme):
    """Choose a theme of JupyterLab."""
    if page.locator(f"body[data-jp-theme-name='JupyterLab {theme}']").count():
        return
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for words in ("Theme", f"JupyterLab {theme}"):
        page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{words}$")).click()
    page.locator(f"body[data-jp-theme-name='JupyterLab {theme}']").wait_for(state="attached", timeout=LONG)
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=LONG)


def heard(page, sitting):
    """What a screen reader gets: states in words, a quiet clock, and places that speak when they change."""
    name, view = next(each for each in sitting.items().items() if each[1]["kind"] == "matching")
    number = list(sitting.items()).index(name) + 1
    places = {place: page.locator(DESK).locator(place) for place in ("[role=timer]", "[role=status]")}
    assert places["[role=timer]"].get_attribute("aria-live") == "off"
    silent = [each.element_handle() for each in places["[role=status]"].all()]
    assert [each.inner_text() for each in silent] == [""] * len(silent), "nothing is called out at the start"
    page.get_by_role("combobox", name="Go to", exact=True).select_option(index=number)
    headed(page, f"Item {number} of")
    page.get_by_role("combobox", name="A goes with").select_option(index=1)
    shows(page, f"✔ Item {number}: answered, a part is open")
    until(page, lambda: any(each.inner_text() for each in silent), "what the desk says of an answer")
    (said,) = [each.inner_text() for each in silent if each.is_visible() and each.inner_text()]
    assert re.fullmatch(r"Kept at [\d:]+: I think so\. A part is still open\.", said), said
    tree = page.locator(DESK).aria_snapshot()
    for words in (
        f'group "Item {number} of {len(sitting.items())}. {view["question"]}"',
        'group "How sure?"',
        'button "I think so" [pressed]',
        'checkbox "Come back to this one"',
        'textbox "Notes"',
        'button "Submit" [disabled]',
    ):
        assert words in tree, f"{words} is missing in:\n{tree}"
