"""The membership lab, finished by mouse and by keyboard, as a participant would."""

import json
import re

from tests.browser.conftest import PICTURES, open_dashboard, violations
from tests.browser.keys import begin, choose, press, tab_to, type_into
from tests.browser.mouse import click, dial, panel_with, pick, reached

LONG = 120_000
DEPLOYMENT = {"Noise multiplier": 2.8, "Forms": 1100}
LINES = {
    "What is protected": "one form",
    "Neighbouring data sets": "have one record more or less",
    "What epsilon covers": "the whole training",
    "What delta says": "how far a probability",
    "Against whom it holds": "against anybody",
    "What it does not promise": "silence on",
    "Settings tried before": "are not in the figure",
}


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L06")

    overfit = panel_with(page, "Train and attack")
    click(page, overfit, "Train and attack")
    overfit.get_by_text("300 forms, 20 epochs, 0% wrong labels").first.wait_for(timeout=LONG)

    attack = panel_with(page, "Rehearse")
    click(page, attack, "Rehearse")
    attack.get_by_text("Loss:").wait_for(timeout=LONG)
    pick(page, attack, "Attack", "LiRA, online")
    dial(page, attack, "Shadows", 32)
    click(page, attack, "Rehearse")
    attack.get_by_text("LiRA, online, 32 shadows:").wait_for(timeout=LONG)
    click(page, attack, "Hand in")
    reached(page, 1)
    attack.screenshot(path=PICTURES / "membership-attack-panel.png")

    deploy = page.locator(".lk-panel", has=page.get_by_text("Budget:")).first
    for label, value in DEPLOYMENT.items():
        dial(page, deploy, label, value)
    pick(page, deploy, "Clip C", "1")
    deploy.get_by_text("epsilon 3.86 at delta 0.0001, within 4").wait_for(timeout=LONG)
    click(page, deploy, "Train and attack")
    deploy.get_by_text("Trial 1:").wait_for(timeout=LONG)
    click(page, deploy, "Hand in")
    reached(page, 3)
    deploy.screenshot(path=PICTURES / "membership-deploy-panel.png")

    statement = page.locator(".lk-panel", has=page.get_by_text("It is about the deployment")).first
    for label, words in LINES.items():
        pick(page, statement, label, words)
    figure = statement.locator(".widget-text input").first
    figure.fill("3.86")
    figure.press("Enter")
    click(page, statement, "Hand in")
    reached(page, 4)
    statement.screenshot(path=PICTURES / "membership-statement-panel.png")

    audit = panel_with(page, "Practise")
    click(page, audit, "against practice")
    dial(page, audit, "Guesses", 80)
    click(page, audit, "Practise")
    audit.get_by_text("against practice, 80 guesses").first.wait_for(timeout=LONG)
    click(page, audit, "Hand in")
    reached(page, 5)
    audit.screenshot(path=PICTURES / "membership-audit-panel.png")

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    assert violations(page, "membership") == []


def test_the_lab_is_finished_by_keyboard_alone(own_server, page):
    open_dashboard(page, own_server, "L06")
    begin(page)

    attack = panel_with(page, "Rehearse")
    choose(page, "Attack", "LiRA, online")
    type_into(page, "Shadows, typed", 32)
    press(page, "Hand in", attack)
    reached(page, 1)

    deploy = page.locator(".lk-panel", has=page.get_by_text("Budget:")).first
    type_into(page, "Forms, typed", 1100)
    choose(page, "Clip C", "1")
    type_into(page, "Noise multiplier, typed", 2.8)
    deploy.get_by_text("epsilon 3.86 at delta 0.0001, within 4").wait_for(timeout=LONG)
    press(page, "Train and attack", deploy)
    deploy.get_by_text("Trial 1:").wait_for(timeout=LONG)
    press(page, "Hand in", deploy)
    reached(page, 3)

    statement = page.locator(".lk-panel", has=page.get_by_text("It is about the deployment")).first
    for label, words in LINES.items():
        choose(page, label, words)
    type_into(page, "Epsilon, to two places", 3.86)
    press(page, "Hand in", statement)
    reached(page, 4)

    audit = panel_with(page, "Practise")
    tab_to(page, "against practice")
    page.keyboard.press("Enter")
    type_into(page, "Guesses, typed", 80)
    press(page, "Hand in", audit)
    reached(page, 5)

    press(page, "Add to my evidence pack", page)
    page.get_by_text(re.compile("^Kept in ")).first.wait_for(timeout=LONG)
    for checkpoint in ("attack", "deploy", "price", "statement", "audit"):
        (path,) = own_server.home.rglob(f"evidence/**/*{checkpoint}.json")
        assert json.loads(path.read_text(encoding="utf-8"))["passed"], checkpoint
