"""The desk of the exam in JupyterLab: by keyboard alone, and as axe-core and a screen reader find it."""

import re
import time
from urllib.parse import unquote, urlsplit

import pytest

from labkit.core.paths import content_dir
from labkit.exams.bank import read_bank, right_answer
from labkit.exams.sitting import Sitting
from tests.browser.conftest import PICTURES, Server, _home, violations
from tests.browser.keys import LONG, choose, focused, tab_to, tick, type_into
from tests.exam_kinds import make_exam_of_kinds

_COMMANDS = ("a", "b", "d", "d", "m", "x", "Shift+M")
"""Keys that change the cells of a notebook in JupyterLab, wherever they reach it."""
_DESK = ".lk-desk"
_LAST = "I want to submit"

_CELLS = """() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")].map((cell) => [
    cell.className.match(/jp-(Code|Markdown|Raw)Cell/)[1], cell.querySelector(".cm-content")?.textContent,
])"""
_STOP = """() => {
    const part = document.activeElement, style = getComputedStyle(part), box = part.getBoundingClientRect();
    const desk = part.closest(".lk-desk");
    return {
        desk: desk !== null,
        typed: part.matches("textarea, input[type=text]"),
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        seen: box.width > 0 && box.top > -1 && box.bottom < innerHeight + 1,
        y: desk ? box.top + box.height / 2 - desk.getBoundingClientRect().top : 0,
    };
}"""
_HEADED = """title => {
    const head = document.querySelector(".lk-desk .lk-place");
    return head !== null && head.textContent.startsWith(title);
}"""

_SETTLED = """() => new Promise((done) => {
    let quiet = setTimeout(done, 200);
    new MutationObserver(() => { clearTimeout(quiet); quiet = setTimeout(done, 200); }).observe(
        document.querySelector(".lk-desk"), { subtree: true, childList: true, attributes: true });
})"""


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


def back_to(page, label):
    """Go back with Shift and the Tab key until what is focused is labelled so, or begins so."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if focused(page).startswith(label):
            return
    raise AssertionError(f"Shift and the Tab key do not lead back to {label!r}")


def shows(page, words):
    """Wait until the list of places says something."""
    listed = page.get_by_role("combobox", name="Go to", exact=True)
    listed.locator("option", has_text=words).wait_for(state="attached", timeout=LONG)


def headed(page, title):
    """Wait until the desk shows a place, with all its fields."""
    page.wait_for_function(_HEADED, arg=title, timeout=LONG)
    page.evaluate(_SETTLED)


def until(page, there, what):
    """Wait for something that is no part of the page."""
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline, f"waited for {what}"
        page.wait_for_timeout(20)


def kept(page, sitting, name, answer):
    """See that an answer is kept, that the desk says so, and that the focus is where it was."""
    here = page.evaluate_handle("document.activeElement")
    until(page, lambda: sitting.answers().get(name, {}).get("answer") == answer, f"the answer to {name}")
    page.get_by_role("status").filter(has_text=re.compile(r"Kept at .*\.$")).wait_for(timeout=LONG)
    shows(page, f"✔ Item {list(sitting.items()).index(name) + 1}: answered")
    assert page.evaluate(_STOP)["desk"], f"{name}: the focus left the desk"
    assert here.evaluate("part => part === document.activeElement"), f"{name}: the focus went elsewhere"


def walk(page):
    """Go on to the last stop of the desk: each is seen, comes in reading order, and takes its keys."""
    above, label = -1.0, ""
    while not label.startswith(_LAST):
        page.keyboard.press("Tab")
        stop, label = page.evaluate(_STOP), focused(page)
        assert stop["desk"], f"{label!r} is no part of the desk"
        assert stop["outline"] >= 2, f"{label!r} does not show that it has the focus"
        assert stop["seen"], f"{label!r} is out of sight"
        # What stands beside each other has its middle at about the same height.
        assert stop["y"] > above - 12, f"{label!r} comes after what is below it"
        above = stop["y"]
        for key in () if stop["typed"] else _COMMANDS:
            page.keyboard.press(key)


def answer_by_keys(page, view, answer):
    """Answer an item, from above it on; whatever was pressed last keeps the focus."""
    if view["kind"] == "matching":
        texts = {right["position"]: right["text"] for right in view["rights"]}
        for letter, position in zip("ABCDEFGH", answer, strict=False):
            choose(page, f"{letter} goes with", texts[position])
    elif view["kind"] == "ordering":
        texts = {step["position"]: step["text"] for step in view["steps"]}
        arrange(page, list(texts.values()), [texts[position] for position in answer])
    elif view["kind"] == "numeric":
        type_into(page, "Your answer", f"{answer[0]:g}")
    else:
        given = answer if view["kind"] == "scenario" else [answer]
        for part, positions in zip(view["parts"], given, strict=True):
            pick(page, part, positions)


def pick(page, part, positions):
    """Tick what applies, or go to the one option with the arrow keys."""
    texts = [option["text"] for option in part["options"]]
    wanted = [option["text"] for option in part["options"] if option["position"] in positions]
    if part["several"]:
        for text in wanted:
            tick(page, text)
        return
    tab_to(page, texts[0])
    page.keyboard.press("Space")
    for _ in range(texts.index(wanted[0])):
        page.keyboard.press("ArrowDown")
    assert focused(page) == wanted[0]


def arrange(page, shown, wanted):
    """Move steps up by their buttons, the first before the others; the focus goes along with a step."""

    def move(at, by):
        word = "up" if by < 0 else "down"
        page.keyboard.press("Enter")
        page.get_by_role("status").filter(has_text=f"now step {at + 1 + by} of").wait_for(timeout=LONG)
        there = f"Move {at + 1 + by} {word}"
        page.wait_for_function(
            "label => document.activeElement.textContent === label", arg=there, timeout=LONG
        )

    if shown == wanted:  # an order counts once a step was moved
        tab_to(page, "Move 1 down")
        move(0, 1)
        back_to(page, "Move 1 up")
        shown = [shown[1], shown[0], *shown[2:]]
    for to, text in enumerate(wanted):
        at = shown.index(text)
        if at > to:
            tab_to(page, f"Move {at + 1} up")
        for place in range(at, to, -1):
            move(place, -1)
        shown = [each for each in shown if each != text]
        shown.insert(to, text)


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
    tick(page, _LAST)
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
    """axe-core in JupyterLab, light and dark, in small and large type, and a window as zoomed to 200 %."""
    heard(page, sitting)
    found = []
    for theme in ("Light", "Dark"):
        themed(page, theme)
        for large in (False, True):
            page.get_by_role("checkbox", name="Large type").set_checked(large)
            for kind in opened(page, sitting):
                found += violations(page, f"exam-desk-{theme}-{'large' if large else 'small'}-{kind}", _DESK)
    assert found == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+B")  # the files at the side leave no room in a narrow window
    page.set_viewport_size({"width": 512, "height": 1600})
    for large in (True, False):
        page.get_by_role("checkbox", name="Large type").set_checked(large)
        for kind in opened(page, sitting):
            page.locator(_DESK).screenshot(path=PICTURES / f"exam-desk-narrow-{large}-{kind}.png")
            assert page.evaluate(_CUT) == [], kind
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("checkbox", name=_LAST).check()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("status").filter(has_text="Result of the practice").wait_for(timeout=LONG)
    found = violations(page, "exam-desk-Dark-result", _DESK)
    themed(page, "Light")
    assert found + violations(page, "exam-desk-Light-result", _DESK) == []


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
    places = {place: page.locator(_DESK).locator(place) for place in ("[role=timer]", "[role=status]")}
    assert places["[role=timer]"].get_attribute("aria-live") == "off"
    silent = [each.element_handle() for each in places["[role=status]"].all()]
    assert [each.inner_text() for each in silent] == [""] * len(silent), "nothing is called out at the start"
    page.get_by_role("combobox", name="Go to", exact=True).select_option(index=number)
    headed(page, f"Item {number} of")
    page.get_by_role("combobox", name="A goes with").select_option(index=1)
    shows(page, f"✔ Item {number}: answered, a part is open")
    (said,) = [each.inner_text() for each in silent if each.is_visible() and each.inner_text()]
    assert re.fullmatch(r"Kept at [\d:]+: I think so\. A part is still open\.", said), said
    tree = page.locator(_DESK).aria_snapshot()
    for words in (
        f'group "Item {number} of {len(sitting.items())}. {view["question"]}"',
        'group "How sure?"',
        'button "I think so" [pressed]',
        'checkbox "Come back to this one"',
        'textbox "Notes"',
        'button "Submit" [disabled]',
    ):
        assert words in tree, f"{words} is missing in:\n{tree}"
