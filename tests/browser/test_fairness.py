"""The lab about bias, finished by mouse and by keyboard, as a participant would."""

import json
import re

from tests.browser.conftest import PICTURES, open_dashboard, violations
from tests.browser.keys import begin, choose, press, tab_to, tick, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

LONG = 120_000
MEASURES = ("demographic parity", "equal opportunity", "predictive equality", "predictive parity")
HELD = "equal opportunity"


def _verdicts(branches):
    """Read what lies beside what is expected, and say what to make of each branch."""
    table = branches.locator("table", has_text="Outcomes beside what the checked sample leads to expect")
    table.wait_for(timeout=LONG)
    said = {}
    for row in table.locator("tbody tr").all():
        group_0, group_1, *districts = (abs(float(each)) for each in row.locator("td").all_inner_texts())
        by = "attack, by group" if max(group_0, group_1) >= max(districts) else "attack, by district"
        said[row.locator("th").inner_text()] = by if max(group_0, group_1, *districts) > 9 else "no attack"
    assert len(said) == 4
    return said


def _given_up(decide):
    """Read the gaps of the desk that was measured last, and name the wide ones."""
    table = decide.locator("table", has_text="Desks measured on the survey")
    table.wait_for(timeout=LONG)
    cells = table.locator("tbody tr").first.locator("td").all_inner_texts()
    return [name for name, gap in zip(MEASURES, cells, strict=False) if abs(float(gap)) > 6 and name != HELD]


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L13")

    skew = panel_with(page, "Train a model")
    pick(page, skew, "People of", "district 1")
    pick(page, skew, "Choose", "near the boundary")
    dial(page, skew, "Poison rate (%)", 10)
    skew.get_by_text("200 of 2000 outcomes turned").wait_for(timeout=LONG)
    click(page, skew, "Train a model")
    skew.get_by_text(re.compile("points apart")).first.wait_for(timeout=LONG)
    click(page, skew, "Hand in")
    reached(page, 1)
    skew.screenshot(path=PICTURES / "fairness-skew-panel.png")

    repair = panel_with(page, "Try this repair")
    click(page, repair, "Look into the delivery")
    repair.get_by_text("The delivery, part by part").first.wait_for(timeout=LONG)
    click(page, repair, "Reweighing")
    pick(page, repair, "Tells apart by", "the district")
    click(page, repair, "Try this repair")
    repair.get_by_text("Repairs tried").first.wait_for(timeout=LONG)
    click(page, repair, "Hand in")
    reached(page, 2)
    repair.screenshot(path=PICTURES / "fairness-repair-panel.png")

    branches = panel_with(page, "Compare the gaps")
    click(page, branches, "Compare the gaps")
    branches.get_by_text("Outcomes, as the files say").first.wait_for(timeout=LONG)
    click(page, branches, "Examine the branch")
    branches.get_by_text("branch A, part by part").first.wait_for(timeout=LONG)
    click(page, branches, "Compare with what is expected")
    for branch, verdict in _verdicts(branches).items():
        named = page.locator("label", has_text=f"Verdict on {branch}")
        group = branches.locator(".widget-toggle-buttons", has=named)
        click(page, group, verdict, exact=True)
    click(page, branches, "Hand in")
    reached(page, 3)
    branches.screenshot(path=PICTURES / "fairness-branches-panel.png")

    decide = panel_with(page, "Measure this desk")
    click(page, decide, "Thresholds")
    pick(page, decide, "Makes equal", HELD)
    click(page, decide, "Measure this desk")
    for name in _given_up(decide):
        decide.get_by_role("checkbox", name=f"Gives up {name}").check()
    pick(page, decide, "The desk holds", HELD)
    decide.get_by_role("radio", name=re.compile("whoever would repay")).check()
    click(page, decide, "Sign and hand in")
    reached(page, 4)
    decide.screenshot(path=PICTURES / "fairness-decide-panel.png")

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    assert violations(page, "fairness") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L13")
    begin(page)

    skew = panel_with(page, "Train a model")
    choose(page, "People of", "district 1")
    type_into(page, "Poison rate (%), typed", 10)
    choose(page, "Choose", "near the boundary")
    skew.get_by_text("200 of 2000 outcomes turned").wait_for(timeout=LONG)
    press(page, "Train a model", skew)
    skew.get_by_text(re.compile("points apart")).first.wait_for(timeout=LONG)
    press(page, "Hand in", skew)
    reached(page, 1)

    repair = panel_with(page, "Try this repair")
    press(page, "Look into the delivery", repair)
    repair.get_by_text("The delivery, part by part").first.wait_for(timeout=LONG)
    press(page, "Reweighing", repair)
    choose(page, "Tells apart by", "the district")
    press(page, "Try this repair", repair)
    repair.get_by_text("Repairs tried").first.wait_for(timeout=LONG)
    press(page, "Hand in", repair)
    reached(page, 2)

    branches = panel_with(page, "Compare the gaps")
    press(page, "Compare with what is expected", branches)
    for branch, verdict in _verdicts(branches).items():
        named = page.locator("label", has_text=f"Verdict on {branch}")
        group = branches.locator(".widget-toggle-buttons", has=named)
        press(page, verdict, group)
        group.locator("button.mod-active", has_text=verdict).wait_for(timeout=LONG)
    press(page, "Hand in", branches)
    reached(page, 3)

    decide = panel_with(page, "Measure this desk")
    press(page, "Thresholds", decide)
    choose(page, "Makes equal", HELD)
    press(page, "Measure this desk", decide)
    given_up = _given_up(decide)
    choose(page, "The desk holds", HELD)
    for name in given_up:
        tick(page, f"Gives up {name}")
    tab_to(page, "a yes is to mean the same risk")
    page.keyboard.press("ArrowDown")
    press(page, "Sign and hand in", decide)
    reached(page, 4)

    press(page, "Add to my evidence pack", page)
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    for checkpoint in ("skew", "repair", "blind", "decide"):
        (path,) = own_server.home.rglob(f"evidence/**/*{checkpoint}.json")
        assert json.loads(path.read_text(encoding="utf-8"))["passed"], checkpoint
