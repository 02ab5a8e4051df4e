"""The poisoning lab, finished by mouse and by keyboard, as a participant would."""

import json
import re

from tests.browser.conftest import PICTURES, open_dashboard, violations
from tests.browser.keys import begin, choose, press, tab_to, tick, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

LONG = 120_000


def _cell(panel, row, column):
    return panel.locator(f"[role=gridcell][data-at='row {row}, column {column}']")


def _verdicts(blind):
    """Read the comparison of the four drops, and say what to make of each."""
    table = blind.locator("table", has_text="Suspects with the commonest label")
    table.wait_for(timeout=LONG)
    shares = {
        row.locator("th").inner_text(): float(row.locator("td").last.inner_text().rstrip("%"))
        for row in table.locator("tbody tr").all()
    }
    usual = shares.pop("the acceptance set, among itself")
    return {drop: "poisoned" if share > usual + 5 else "clean" for drop, share in shares.items()}


def _vouched_neighbours(page, panel):
    pick(page, panel, "Neighbours are", "samples of vouched batches")
    dial(page, panel, "How many", 5)
    dial(page, panel, "Goes above", 0.7)
    panel.get_by_role("checkbox", name=re.compile("without a voucher")).check()


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L04")

    plant = panel_with(page, "Train a reader")
    plant.get_by_text("Nothing is painted.").wait_for(timeout=LONG)
    _cell(plant, 1, 1).hover()
    page.mouse.down()
    for row, columns in ((1, (2, 3)), (2, (3, 2, 1)), (3, (1, 2, 3))):
        for column in columns:
            _cell(plant, row, column).hover()
    page.mouse.up()
    plant.get_by_text("9 pixels painted, in rows 1 to 3 and columns 1 to 3.").wait_for(timeout=LONG)
    dial(page, plant, "Poison rate (%)", 2)
    plant.get_by_text("11 of 560 samples poisoned").wait_for(timeout=LONG)
    click(page, plant, "Train a reader")
    plant.get_by_text("The sign works on").wait_for(timeout=LONG)
    click(page, plant, "Hand in")
    reached(page, 1)

    collide = panel_with(page, "Make the poison")
    wanted = re.search(r"You want it read as (\w+)", collide.inner_text()).group(1)
    pick(page, collide, "Poison samples", f"labelled {wanted}")
    dial(page, collide, "Epsilon", 0.25)
    dial(page, collide, "Poison rate (%)", 2)
    dial(page, collide, "Steps", 60)
    click(page, collide, "Make the poison")
    collide.get_by_text(f"your document is read as {wanted}").wait_for(timeout=LONG)
    click(page, collide, "Hand in")
    reached(page, 2)

    clean = panel_with(page, "Screen the delivery")
    click(page, clean, "Screen the delivery")
    clean.get_by_text(re.compile("samples would go")).wait_for(timeout=LONG)
    click(page, clean, "Provenance")
    clean.get_by_text("90 of 360 samples would go").wait_for(timeout=LONG)
    click(page, clean, "Neighbours (kNN)")
    _vouched_neighbours(page, clean)
    click(page, clean, "Train on what stays")
    clean.get_by_text("Readers trained on what stays").first.wait_for(timeout=LONG)
    click(page, clean, "Hand in")
    reached(page, 3)

    blind = panel_with(page, "Compare all four")
    pick(page, blind, "Neighbours are", "the acceptance set, checked by hand")
    pick(page, blind, "Compared by", "what the reader in use makes of them")
    dial(page, blind, "How many", 5)
    click(page, blind, "Examine the drop")
    blind.get_by_text("samples are suspects").wait_for(timeout=LONG)
    click(page, blind, "Compare all four")
    for drop, verdict in _verdicts(blind).items():
        named = page.locator("label", has_text=f"Verdict on {drop}")
        group = blind.locator(".widget-toggle-buttons", has=named)
        click(page, group, verdict)
    click(page, blind, "Hand in")
    reached(page, 4)
    blind.screenshot(path=PICTURES / "poisoning-blind-panel.png")

    price = panel_with(page, "Measure the price")
    click(page, price, "Take the recipe of the cleaning")
    price.get_by_text("The dials are set").wait_for(timeout=LONG)
    click(page, price, "Measure the price")
    price.get_by_text("Price on deliveries with nothing wrong").first.wait_for(timeout=LONG)
    click(page, price, "Hand in")
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    assert violations(page, "poisoning") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L04")
    begin(page)

    plant = panel_with(page, "Train a reader")
    tab_to(page, "row 1, column 1")
    for row in range(3):
        if row:
            page.keyboard.press("ArrowDown")
        for column in range(3):
            if column:
                page.keyboard.press("ArrowRight" if row % 2 == 0 else "ArrowLeft")
            page.keyboard.press("Space")
    plant.get_by_text("9 pixels painted, in rows 1 to 3 and columns 1 to 3.").wait_for(timeout=LONG)
    assert plant.get_by_label("Sign as text").input_value().startswith("###...../###...../###...../....")
    tab_to(page, "Poison rate (%)")
    rate = plant.locator(".widget-slider", has=page.locator("label", has_text=re.compile(r"^Poison rate")))
    for _ in range(4):  # from 1 to 2 per cent
        page.keyboard.press("ArrowRight")
    assert float(rate.locator(".widget-readout").inner_text()) == 2
    plant.get_by_text("11 of 560 samples poisoned").wait_for(timeout=LONG)
    press(page, "Train a reader", plant)
    plant.get_by_text("The sign works on").wait_for(timeout=LONG)
    press(page, "Hand in", plant)
    reached(page, 1)

    collide = panel_with(page, "Make the poison")
    wanted = re.search(r"You want it read as (\w+)", collide.inner_text()).group(1)
    choose(page, "Poison samples", f"labelled {wanted}")
    type_into(page, "Epsilon, typed", 0.25)
    type_into(page, "Poison rate (%), typed", 2)
    type_into(page, "Steps, typed", 60)
    press(page, "Make the poison", collide)
    collide.get_by_text(f"your document is read as {wanted}").wait_for(timeout=LONG)
    press(page, "Hand in", collide)
    reached(page, 2)

    clean = panel_with(page, "Screen the delivery")
    choose(page, "Neighbours are", "samples of vouched")
    type_into(page, "How many, typed", 5)
    type_into(page, "Goes above, typed", 0.7)
    tick(page, "Take out only samples of batches without a voucher")
    press(page, "Screen the delivery", clean)
    clean.get_by_text(re.compile("samples would go")).wait_for(timeout=LONG)
    press(page, "Train on what stays", clean)
    clean.get_by_text("Readers trained on what stays").first.wait_for(timeout=LONG)
    press(page, "Hand in", clean)
    reached(page, 3)

    blind = panel_with(page, "Compare all four")
    choose(page, "Neighbours are", "the acceptance set")
    choose(page, "Compared by", "what the reader")
    type_into(page, "How many, typed", 5)
    press(page, "Compare all four", blind)
    for drop, verdict in _verdicts(blind).items():
        tab_to(page, verdict)
        page.keyboard.press("Enter")
        group = blind.locator(
            ".widget-toggle-buttons", has=page.locator("label", has_text=f"Verdict on {drop}")
        )
        group.locator("button.mod-active", has_text=verdict).wait_for(timeout=LONG)
        if verdict == "clean":
            page.keyboard.press("Tab")  # past the word beside it, on to the next drop
    press(page, "Hand in", blind)
    reached(page, 4)

    price = panel_with(page, "Measure the price")
    press(page, "Take the recipe of the cleaning", price)
    price.get_by_text("The dials are set").wait_for(timeout=LONG)
    press(page, "Measure the price", price)
    price.get_by_text("Price on deliveries with nothing wrong").first.wait_for(timeout=LONG)
    press(page, "Hand in", price)
    reached(page, 5)

    press(page, "Add to my evidence pack", page)
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    for checkpoint in ("backdoor", "clean-label", "clean-up", "blind", "price"):
        (path,) = own_server.home.rglob(f"evidence/**/*{checkpoint}.json")
        assert json.loads(path.read_text(encoding="utf-8"))["passed"], checkpoint


def test_a_sign_can_be_typed_and_moved(server, page):
    open_dashboard(page, server, "L04")
    plant = panel_with(page, "Train a reader")
    field = plant.get_by_label("Sign as text")
    field.fill("......../" * 7 + "......##")
    field.press("Enter")
    plant.get_by_text("2 pixels painted, in rows 8 to 8 and columns 7 to 8.").wait_for(timeout=LONG)
    assert _cell(plant, 8, 7).get_attribute("aria-selected") == "true"
    plant.get_by_role("button", name="Move the sign up").or_(
        plant.get_by_role("button", name="up")
    ).first.click()
    plant.get_by_text("in rows 7 to 7").wait_for(timeout=LONG)


def test_too_much_poison_is_sent_back_with_a_reason(own_server, page):
    open_dashboard(page, own_server, "L04")
    plant = panel_with(page, "Train a reader")
    dial(page, plant, "Poison rate (%)", 5)
    plant.get_by_text("too many: a set like this is sent back").wait_for(timeout=LONG)
    click(page, plant, "Hand in")
    plant.get_by_text(re.compile("The set was sent back")).wait_for(timeout=LONG)
