"""What somebody does at the desk of the exam with keys alone, and what must hold at every step."""

import re
import time

from tests.browser.keys import LONG, back_to, choose, focused, tab_to, tick, type_into

DESK = ".lk-desk"
LAST = "I want to submit"
_COMMANDS = ("a", "b", "d", "d", "m", "x", "Shift+M")
"""Keys that change the cells of a notebook in JupyterLab, wherever they reach it."""

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
    while not label.startswith(LAST):
        page.keyboard.press("Tab")
        stop, label = page.evaluate(_STOP), focused(page)
        assert stop["desk"], f"{label!r} is no part of the desk"
        assert stop["outline"] >= 2, f"{label!r} does not show that it has the focus"
        until(page, lambda: page.evaluate(_STOP)["seen"], f"{label!r} to be in sight")
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
