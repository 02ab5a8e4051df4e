"""The evasion range, finished by mouse and by keyboard, as a participant would."""

import re

from tests.browser.conftest import open_dashboard, violations
from tests.browser.keys import begin, press, tab_to, tick, type_into
from tests.browser.mouse import click, dial, panel_with, reached

LONG = 120_000


def test_the_range_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L02")

    attack = panel_with(page, "Other pictures")
    dial(page, attack, "Epsilon", 0.15)
    dial(page, attack, "Steps", 40)
    click(page, attack, "Hand in")
    reached(page, 1)

    asking = panel_with(page, "Start asking")
    dial(page, asking, "Epsilon", 0.15)
    dial(page, asking, "Questions each", 500)
    click(page, asking, "Start asking")
    asking.get_by_text(re.compile("10 of 10")).first.wait_for(timeout=LONG)
    click(page, asking, "Hand in")
    reached(page, 2)

    unmask = panel_with(page, "Run the ticked tests")
    unmask.get_by_text("The vendor's report says").wait_for(timeout=LONG)
    unmask.get_by_role("checkbox", name=re.compile("BPDA")).first.check()
    click(page, unmask, "Run the ticked tests")
    click(page, unmask, "Count the survivors")
    row = unmask.locator("tr", has_text="What survives BPDA").first
    row.wait_for(timeout=LONG)
    left = float(re.search(r"([\d.]+) ?%", row.inner_text()).group(1)) / 100
    unmask.locator("input[type=number]").fill(f"{left:.3f}")
    unmask.locator("input[type=number]").press("Enter")
    click(page, unmask, "Hand in")
    reached(page, 3)

    defend = panel_with(page, "Train a model")
    dial(page, defend, "Training epsilon", 0.15)
    dial(page, defend, "Attack steps", 5)
    dial(page, defend, "Epochs", 20)
    click(page, defend, "Train a model")
    page.wait_for_function(
        "s => s.options.length > 1", arg=defend.locator("select").last.element_handle(), timeout=LONG
    )
    defend.locator("select").last.select_option(index=1)
    click(page, defend, "Hand in")
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("added|kept", re.IGNORECASE)).first.wait_for(timeout=LONG)
    assert violations(page, "evasion-range") == []


def test_the_range_is_finished_by_keyboard_alone(own_server, page):
    page.goto(own_server.url + "/dashboards/L02", wait_until="commit")
    page.wait_for_selector("html[data-lk-ready=yes]", timeout=LONG)
    page.wait_for_selector(".lk-strip img", timeout=LONG)

    begin(page)
    tab_to(page, "Epsilon")
    for _ in range(14):  # a slider, moved by its arrow keys
        page.keyboard.press("ArrowRight")
    type_into(page, "Epsilon, typed", 0.15)
    type_into(page, "Steps, typed", 40)
    attack = panel_with(page, "Other pictures")
    attack.get_by_text("full colour = 0.15", exact=True).wait_for(timeout=LONG)
    press(page, "Hand in", attack)
    reached(page, 1)

    type_into(page, "Epsilon, typed", 0.15)
    type_into(page, "Questions each, typed", 500)
    asking = panel_with(page, "Start asking")
    press(page, "Start asking", asking)
    asking.get_by_text(re.compile("10 of 10 flipped")).first.wait_for(timeout=LONG)
    press(page, "Hand in", asking)
    reached(page, 2)

    tick(page, "BPDA")
    unmask = panel_with(page, "Run the ticked tests")
    press(page, "Run the ticked tests", unmask)
    press(page, "Count the survivors", unmask)
    row = unmask.locator("tr", has_text="What survives BPDA").first
    row.wait_for(timeout=LONG)
    left = float(re.search(r"([\d.]+) ?%", row.inner_text()).group(1)) / 100
    type_into(page, "Accuracy that is really left", f"{left:.3f}")
    press(page, "Hand in", unmask)
    reached(page, 3)

    type_into(page, "Training epsilon, typed", 0.15)
    type_into(page, "Attack steps, typed", 5)
    type_into(page, "Epochs, typed", 20)
    defend = panel_with(page, "Train a model")
    press(page, "Train a model", defend)
    models = defend.locator("select").last
    page.wait_for_function("s => s.options.length > 1", arg=models.element_handle(), timeout=LONG)
    press(page, "Hand in", defend)
    reached(page, 5)

    press(page, "Add to my evidence pack", page)
    page.get_by_text(re.compile("added|kept", re.IGNORECASE)).first.wait_for(timeout=LONG)


def test_a_hint_comes_on_request_and_the_solution_after_an_attempt(own_server, page):
    open_dashboard(page, own_server, "L02")
    solution = page.get_by_role("button", name="Worked solution").first
    assert solution.is_disabled()
    page.get_by_role("button", name="Hint 1 of 4").first.click()
    page.get_by_text("The gradient of the loss with respect to the input").first.wait_for(timeout=LONG)
    click(page, panel_with(page, "Other pictures"), "Hand in")
    page.get_by_text("Spend the whole budget first").first.wait_for(timeout=LONG)
    page.wait_for_function("b => !b.disabled", arg=solution.element_handle(), timeout=LONG)


def test_the_second_scenario_opens_from_its_link(page, server):
    open_dashboard(page, server, "L02", "?scenario=signs")
    page.get_by_text("Colour pictures of road signs").first.wait_for(timeout=LONG)
    attack = panel_with(page, "Other pictures")
    attack.get_by_text(re.compile("read as")).filter(visible=True).first.wait_for(timeout=LONG)
    assert violations(page, "evasion-range-signs") == []
