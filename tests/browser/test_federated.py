"""The federated lab, finished by mouse and by keyboard, as a participant would."""

import json
import re

from tests.browser.conftest import PICTURES, open_dashboard, violations
from tests.browser.keys import begin, choose, press, tick, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

LONG = 180_000
CHECKPOINTS = ("crash", "stealth", "defend", "minority", "masked")


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L11")

    siege = panel_with(page, "Train together")
    siege.get_by_role("button", name="Train together").wait_for(timeout=LONG)
    dial(page, siege, "Scale", 5)
    click(page, siege, "Train together")
    siege.get_by_text("After 12 rounds the model reads").wait_for(timeout=LONG)
    siege.screenshot(path=PICTURES / "federated-siege-panel.png")
    click(page, siege, "Hand in the attack")
    reached(page, 1)

    stealth = panel_with(page, "Try it")
    pick(page, stealth, "Malicious clinics", "inner product")
    dial(page, stealth, "Scale", 0.6)
    stealth.get_by_role("checkbox", name=re.compile("know what the others send")).check()
    click(page, stealth, "Try it")
    stealth.get_by_text("Believed:").wait_for(timeout=LONG)
    click(page, stealth, "Hand in the attack")
    reached(page, 2)

    defend = panel_with(page, "Let them come")
    pick(page, defend, "The server takes", "multi-Krum")
    dial(page, defend, "Liars expected", 3)
    dial(page, defend, "Updates kept", 7)
    click(page, defend, "Let them come")
    defend.get_by_text("The least that this rule keeps").wait_for(timeout=LONG)
    click(page, defend, "Hand in the rule")
    reached(page, 3)

    minority = panel_with(page, "Run three days")
    pick(page, minority, "The server takes", "distance filter")
    dial(page, minority, "Threshold", 5)
    click(page, minority, "Run three days")
    minority.get_by_text("on its worst day").wait_for(timeout=LONG)
    minority.screenshot(path=PICTURES / "federated-minority-panel.png")
    click(page, minority, "Hand in the rule")
    reached(page, 4)

    masked = panel_with(page, "Train under masks")
    click(page, masked, "Look at what arrives")
    masked.get_by_text("as a curious server reads it").wait_for(timeout=LONG)
    pick(page, masked, "Claim", "sums of groups of two, and the median of the five")
    click(page, masked, "Test this claim")
    masked.get_by_text("Tested:").wait_for(timeout=LONG)
    for words in ("clinics prove", "sums of groups of two"):
        masked.get_by_role("checkbox", name=re.compile(f"Works: ({words})")).check()
    dial(page, masked, "Clinics in a sum", 2)
    pick(page, masked, "The server takes", "median of every weight")
    click(page, masked, "Train under masks")
    masked.get_by_text("Trained under masks:").wait_for(timeout=LONG)
    masked.screenshot(path=PICTURES / "federated-masked-panel.png")
    click(page, masked, "Hand in", exact=True)
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    assert violations(page, "federated") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L11")
    begin(page)

    siege = panel_with(page, "Train together")
    siege.get_by_role("button", name="Train together").wait_for(timeout=LONG)
    type_into(page, "Scale, typed", 5)
    press(page, "Hand in the attack", siege)
    reached(page, 1)

    stealth = panel_with(page, "Try it")
    choose(page, "Malicious clinics", "inner product")
    type_into(page, "Scale, typed", 0.6)
    tick(page, "They know what the others send")
    press(page, "Hand in the attack", stealth)
    reached(page, 2)

    defend = panel_with(page, "Let them come")
    choose(page, "The server takes", "multi-Krum")
    type_into(page, "Liars expected, typed", 3)
    type_into(page, "Updates kept, typed", 7)
    press(page, "Hand in the rule", defend)
    reached(page, 3)

    minority = panel_with(page, "Run three days")
    choose(page, "The server takes", "distance filter")
    type_into(page, "Threshold, typed", 5)
    press(page, "Hand in the rule", minority)
    reached(page, 4)

    masked = panel_with(page, "Train under masks")
    choose(page, "Claim", "sums of groups of two")
    press(page, "Test this claim", masked)
    masked.get_by_text("Tested:").wait_for(timeout=LONG)
    tick(page, "Works: clinics prove")
    tick(page, "Works: sums of groups of two")
    type_into(page, "Clinics in a sum, typed", 2)
    choose(page, "The server takes", "median of every weight")
    press(page, "Hand in", masked)
    reached(page, 5)

    press(page, "Add to my evidence pack", page)
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    for checkpoint in CHECKPOINTS:
        (path,) = own_server.home.rglob(f"evidence/**/*{checkpoint}.json")
        assert json.loads(path.read_text(encoding="utf-8"))["passed"], checkpoint
