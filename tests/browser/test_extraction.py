"""The extraction lab, finished by mouse and by keyboard, as a participant would."""

import re

from tests.browser.conftest import open_dashboard, violations
from tests.browser.keys import LONG, begin, choose, press, tab_to, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

JACOBIAN = "inputs moved along the gradient"
FLAG = "the most likely class, and whether somebody should look again"
BOTH = "the distances and the doubt"
FINGERPRINT = "a conferrable fingerprint"


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L07")

    solve = panel_with(page, "Ask and solve")
    pick(page, solve, "Answers", "rounded to two places")
    click(page, solve, "Ask and solve")
    solve.get_by_text("11 questions for 11 unknowns").wait_for(timeout=LONG)
    click(page, solve, "Ask the loan score and hand in")
    reached(page, 1)

    steal = panel_with(page, "Steal")
    click(page, steal, "Steal", exact=True)
    steal.get_by_text("The copy reads what the reader reads").wait_for(timeout=LONG)
    pick(page, steal, "Questions are", "inputs moved along the gradient of the copy (augmentation)")
    dial(page, steal, "Query budget", 500)
    click(page, steal, "Steal at the meter and hand in")
    reached(page, 2)
    assert violations(page, "extraction-theft") == []

    guard = panel_with(page, "Try this guard")
    pick(page, guard, "Answers", FLAG)
    dial(page, guard, "Rate limit", 100)
    pick(page, guard, "Detector", "the distances and the doubt, each for half of the false alarms")
    pick(page, guard, "False alarms", "0.5% of the customers")
    click(page, guard, "Try this guard")
    guard.get_by_text("The best thief (").wait_for(timeout=LONG)
    click(page, guard, "Hand in")
    reached(page, 4)
    assert violations(page, "extraction-guard") == []

    court = panel_with(page, "Test the suspects")
    pick(page, court, "Evidence", "the watermark: 30 keys of noise with random answers")
    click(page, court, "Test the suspects")
    court.get_by_text("this convicts").wait_for(timeout=LONG)
    pick(page, court, "Evidence", "a conferrable fingerprint: keys that copies inherit")
    click(page, court, "Test the suspects")
    court.locator("caption", has_text="a conferrable fingerprint").first.wait_for(timeout=LONG)
    click(page, court, "Take the verdicts from the test")
    court.locator(".jupyter-button.mod-active", has_text=re.compile("stolen|independent")).nth(5).wait_for(
        timeout=LONG
    )
    click(page, court, "Hand in")
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text("as JSON and as a page that can be printed").wait_for(timeout=LONG)
    assert violations(page, "extraction") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L07")
    begin(page)

    solve, steal = panel_with(page, "Ask and solve"), panel_with(page, "Steal")
    tab_to(page, "Model")
    press(page, "Ask the loan score and hand in", solve)
    reached(page, 1)

    choose(page, "Questions are", JACOBIAN)
    type_into(page, "Query budget, typed", 500)
    press(page, "Steal at the meter and hand in", steal)
    reached(page, 2)

    guard = panel_with(page, "Try this guard")
    choose(page, "Answers", FLAG)
    type_into(page, "Rate limit, typed", 100)
    choose(page, "Detector", BOTH)
    choose(page, "False alarms", "0.5%")
    press(page, "Try this guard", guard)
    guard.get_by_text("The best thief (").wait_for(timeout=LONG)
    press(page, "Hand in", guard)
    reached(page, 4)

    court = panel_with(page, "Test the suspects")
    choose(page, "Evidence", FINGERPRINT)
    press(page, "Test the suspects", court)
    court.get_by_text("this convicts").wait_for(timeout=LONG)
    press(page, "Take the verdicts from the test", court)
    court.locator(".jupyter-button.mod-active", has_text=re.compile("stolen|independent")).nth(5).wait_for(
        timeout=LONG
    )
    press(page, "Hand in", court)
    reached(page, 5)
