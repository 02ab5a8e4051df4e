"""The guided tour, done by mouse, by keyboard, and across a power cut."""

import re

from tests.browser.conftest import open_dashboard, violations
from tests.browser.mouse import click, panel_with

LONG = 60_000


def _hand_in_baseline(page):
    panel = panel_with(page, "Measure the victim")
    click(page, panel, "Measure the victim")
    text = panel.get_by_text(re.compile(r"\d+(\.\d+)? ?%")).first
    text.wait_for(timeout=LONG)
    share = float(re.search(r"(\d+(?:\.\d+)?) ?%", text.inner_text()).group(1)) / 100
    box = panel.locator("input[type=number]").first
    box.fill(f"{share:.3f}")
    box.press("Enter")
    click(page, panel, "Hand in")


def test_the_tour_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L00")
    page.get_by_role("radio").first.click()
    page.get_by_role("button", name="Answer").first.click()
    page.get_by_text(re.compile("right|wrong|not quite", re.I)).first.wait_for(timeout=LONG)
    _hand_in_baseline(page)
    page.get_by_text("1 of 2 checkpoints reached").first.wait_for(timeout=LONG)
    attack = page.locator(".lk-panel", has=page.get_by_role("button", name="Measure on all")).first
    attack.get_by_label("Attack").select_option("FGSM")
    click(page, attack, "Hand in")
    page.locator(".lk-callout, .lk-card").filter(has_text="measured").first.wait_for(timeout=LONG)
    assert violations(page, "start-here") == []


def test_progress_survives_a_power_cut(own_server, page):
    open_dashboard(page, own_server, "L00")
    _hand_in_baseline(page)
    page.get_by_text("1 of 2 checkpoints reached").first.wait_for(timeout=LONG)
    own_server.kill()
    own_server.start()
    # What the page says about the lost connection is no error of this test.
    page.goto("about:blank")
    page.watch.errors.clear()
    page.goto(own_server.url + "/progress")
    assert "Start here: 1 of 2" in page.inner_text("main")
