"""The lab about explanations, finished by mouse and by keyboard, as a participant would."""

import re

from tests.browser.conftest import open_dashboard, violations
from tests.browser.keys import LONG, begin, choose, press, tab_to, type_into
from tests.browser.mouse import click, dial, panel_with, reached

NOTE = {
    "Written for": "The loan desk",
    "Rests on": "Decisions on fresh files and",
    "The group": "The group alone",
    "As reasons": "No:",
    "Left open": "Whether the district",
    "To be done": "Stop using it",
    "Repeated": "After every new version",
}


def _pick(page, panel, label, words):
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}"))
    listed = panel.locator(".widget-dropdown", has=named).locator("select").first
    # No-break spaces hold an option together.
    begins = re.compile(rf"^\s*{re.escape(words)}".replace(r"\ ", r"\s"))
    listed.select_option(value=listed.locator("option", has_text=begins).first.get_attribute("value"))


def _type(page, panel, label, value):
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}"))
    field = panel.locator(".widget-text", has=named).locator("input")
    field.fill(str(value))
    field.press("Enter")


def _share(note):
    said = note.get_by_text("The decision changes with the group alone in").first.text_content()
    return re.search(r"in ([\d.]+)%", said)[1]


def _witness(applicant):
    applicant.get_by_text("press The other group").first.wait_for(timeout=LONG)
    return re.search(r"File (\d+)", applicant.get_by_text("press The other group").first.text_content())[1]


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L08")

    explain = panel_with(page, "Explain")
    _pick(page, explain, "Compared with", "thirty real")
    click(page, explain, "Explain", exact=True)
    explain.get_by_text("8 of 8 explanations name the group first").wait_for(timeout=LONG)
    click(page, explain, "Is it sound?")
    explain.get_by_text("Completeness").wait_for(timeout=LONG)
    click(page, explain, "Hand in")
    reached(page, 1)
    _pick(page, explain, "Model", "the provider's product")
    click(page, explain, "Explain", exact=True)
    explain.get_by_text("The provider's product: ").wait_for(timeout=LONG)
    assert violations(page, "explaining-product") == []

    hide = panel_with(page, "Build and ask")
    _pick(page, hide, "Prepare for", "both")
    dial(page, hide, "Made-up rows", 4)
    dial(page, hide, "Switch above", 0.65)
    click(page, hide, "Build and ask")
    hide.get_by_text("Explained before and after").first.wait_for(timeout=LONG)
    click(page, hide, "Hand in")
    reached(page, 2)

    applicant = panel_with(page, "The other group")
    click(page, applicant, "Next file that the group decides")
    witness = _witness(applicant)
    click(page, applicant, "The other group", exact=True)
    applicant.get_by_text("The decision is another one").wait_for(timeout=LONG)

    audit = panel_with(page, "Try on the solved cases")
    click(page, audit, "Try on the solved cases")
    audit.get_by_text("2 of 4 verdicts are right").wait_for(timeout=LONG)
    _pick(page, audit, "Measure", "decisions that change on the twin")
    _pick(page, audit, "On", "fresh files")
    _pick(page, audit, "Twins differ in", "the group alone")
    _type(page, audit, "Records", 250)
    _type(page, audit, "Accuse above", 0.02)
    click(page, audit, "Try on the solved cases")
    audit.get_by_text("250 files were opened").wait_for(timeout=LONG)
    click(page, audit, "Hand in", exact=True)
    reached(page, 3)
    click(page, audit, "Hand in the price")
    reached(page, 4)
    assert violations(page, "explaining-audit") == []

    note = panel_with(page, "Measure the product")
    click(page, note, "Measure the product")
    note.get_by_text("Write the share into the note").wait_for(timeout=LONG)
    for question, answer in NOTE.items():
        _pick(page, note, question, answer)
    _type(page, note, "Files decided by the group alone", _share(note))
    _type(page, note, "Witness", witness)
    note.get_by_text("7 of 7 questions are answered").wait_for(timeout=LONG)
    click(page, note, "Hand in")
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text("as JSON and as a page that can be printed").wait_for(timeout=LONG)
    assert violations(page, "explaining") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L08")
    begin(page)

    explain, hide = panel_with(page, "Explain"), panel_with(page, "Build and ask")
    tab_to(page, "Model")
    choose(page, "Compared with", "thirty real")
    press(page, "Hand in", explain)
    reached(page, 1)

    choose(page, "Prepare for", "both")
    type_into(page, "Made-up rows, typed", 4)
    type_into(page, "Switch above, typed", 0.65)
    press(page, "Hand in", hide)
    reached(page, 2)

    applicant = panel_with(page, "The other group")
    press(page, "Next file that the group decides", applicant)
    witness = _witness(applicant)

    audit = panel_with(page, "Try on the solved cases")
    choose(page, "Measure", "decisions that change on the twin")
    choose(page, "On", "fresh files")
    type_into(page, "Records", 250)
    choose(page, "Twins differ in", "the group alone")
    type_into(page, "Accuse above", 0.02)
    press(page, "Hand in", audit)
    reached(page, 3)
    press(page, "Hand in the price", audit)
    reached(page, 4)

    note = panel_with(page, "Measure the product")
    for question, answer in NOTE.items():
        choose(page, question, answer)
    press(page, "Measure the product", note)
    note.get_by_text("Write the share into the note").wait_for(timeout=LONG)
    type_into(page, "Files decided by the group alone", _share(note))
    type_into(page, "Witness", witness)
    press(page, "Hand in", note)
    reached(page, 5)
