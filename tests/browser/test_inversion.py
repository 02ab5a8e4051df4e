"""The inversion lab, finished by mouse and by keyboard, as a participant would."""

import re

from tests.browser.conftest import open_dashboard, violations
from tests.browser.keys import LONG, TEXT, begin, choose, press, tab_to, tick, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

SOFTENED = "the softened probability"
FLAG = "the most likely class, and whether somebody should look again"


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L05")

    draw = panel_with(page, "Reconstruct")
    draw.get_by_role("checkbox").check()
    pick(page, draw, "Prior strength", "0.1")
    pick(page, draw, "Raise", SOFTENED)
    dial(page, draw, "Steps", 150)
    click(page, draw, "Reconstruct", exact=True)
    draw.get_by_text("Whom do you recognise?").wait_for(timeout=LONG)
    assert draw.locator(".lk-lineup img").count() == 27
    assert violations(page, "inversion-line-up") == []
    reveal = draw.get_by_role("button", name="Reveal who it is")
    reveal.click()
    draw.get_by_text("in every line-up first").wait_for(timeout=LONG)
    for number, who in enumerate(("A", "H", "none of them"), start=1):
        pick(page, draw, f"Picture {number} shows", who)
    reveal.click()
    draw.get_by_text("recognised by the other model").wait_for(timeout=LONG)
    assert draw.locator(".lk-pair img").count() == 9
    assert not draw.locator(".lk-lineup").first.is_visible()
    click(page, draw, "Hand in")
    reached(page, 2)
    assert violations(page, "inversion-prototypes") == []

    pick(page, draw, "You see", "answers: every probability in full")
    click(page, draw, "Hand in")
    draw.get_by_text("Not what this service says").wait_for(timeout=LONG)
    pick(page, draw, "You see", "answers: the three most likely classes with their probabilities")
    dial(page, draw, "Questions", 300)
    click(page, draw, "Hand in")
    reached(page, 3)

    look = panel_with(page, "Attack an update")
    click(page, look, "Attack an update")
    look.get_by_text("Mean over 1 record").wait_for(timeout=LONG)
    pick(page, look, "The server may", "divide weights by bias")
    click(page, look, "Attack the intercepted update and hand in")
    reached(page, 4)
    pick(page, look, "The server may", "search for records that fit")
    click(page, look, "Attack the update of 4 and hand in")
    reached(page, 5)

    protect = panel_with(page, "Measure this protection")
    click(page, protect, "Measure this protection")
    protect.get_by_text("Left is more private").wait_for(timeout=LONG)
    pick(page, protect, "Clip C", "1")
    dial(page, protect, "Noise multiplier", 0.8)
    pick(page, protect, "Batch size", "128")
    pick(page, protect, "Answers", FLAG)
    click(page, protect, "Measure this protection")
    trials = protect.locator("select").last
    page.wait_for_function("s => s.options.length > 1", arg=trials.element_handle(), timeout=LONG)
    click(page, protect, "Hand in")
    reached(page, 8)

    click(page, page, "Add to my evidence pack")
    page.get_by_text("as JSON and as a page that can be printed").wait_for(timeout=LONG)
    assert violations(page, "inversion") == []


def _stands(page, panel, label, words):
    """See that a list shows what it should, after all that has happened since it was chosen."""
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}$"))
    shown = panel.locator(".widget-dropdown", has=named).locator("select").element_handle()
    # What the kernel has to say about a list arrives in its own time.
    begins = f"([list, words]) => ({TEXT})(list).startsWith(words)"
    page.wait_for_function(begins, arg=[shown, words], timeout=20_000)


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L05", "?scenario=digits")
    begin(page)

    draw, look = panel_with(page, "Reconstruct"), panel_with(page, "Attack an update")
    tab_to(page, "You see")
    tick(page, "Search among plausible pictures")
    choose(page, "Prior strength", "0.1")
    choose(page, "Raise", SOFTENED)
    type_into(page, "Steps, typed", 150)
    press(page, "Reconstruct", draw)
    draw.get_by_text("Whom do you recognise?").wait_for(timeout=LONG)
    for number, who in enumerate(("B", "none", "C"), start=1):
        choose(page, f"Picture {number} shows", who)
    press(page, "Reveal who it is", draw)
    draw.get_by_text("recognised by the other model").wait_for(timeout=LONG)
    press(page, "Hand in", draw)
    reached(page, 2)

    choose(page, "You see", "answers: every probability, rounded to two")
    type_into(page, "Questions, typed", 300)
    press(page, "Hand in", draw)
    reached(page, 3)

    choose(page, "The server may", "divide")
    press(page, "Attack the intercepted update and hand in", look)
    reached(page, 4)
    choose(page, "The server may", "search")
    press(page, "Attack the update of 4 and hand in", look)
    reached(page, 5)

    protect = panel_with(page, "Measure this protection")
    choose(page, "Clip C", "1")
    type_into(page, "Noise multiplier, typed", 0.8)
    choose(page, "Batch size", "128")
    choose(page, "Answers", FLAG)
    for label, words in (("Batch size", "128"), ("Answers", FLAG)):
        _stands(page, protect, label, words)
    press(page, "Measure this protection", protect)
    protect.get_by_text("Left is more private").wait_for(timeout=LONG)
    _stands(page, protect, "To hand in", "1: C 1, noise 0.8, batch 128, answers flag")
    press(page, "Hand in", protect)
    reached(page, 8)

    press(page, "Add to my evidence pack", page)
    page.get_by_text("as JSON and as a page that can be printed").wait_for(timeout=LONG)


def test_the_viewer_opens_in_the_dark_and_says_what_the_pictures_show(own_server, page):
    page.emulate_media(color_scheme="dark")
    open_dashboard(page, own_server, "L05")
    look = panel_with(page, "Attack an update")
    pick(page, look, "Batch size", "8")
    click(page, look, "Attack an update")
    look.get_by_text("Mean over 8 records").wait_for(timeout=LONG)
    words = [each.get_attribute("alt") for each in look.locator(".lk-strip img").all()]
    assert len(words) == 16
    assert all("brightest" in each and "darkest" in each for each in words)
    assert violations(page, "inversion-dark") == []
