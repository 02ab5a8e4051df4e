"""The threat-modelling studio, finished by mouse and by keyboard, as a participant would."""

import re

from labkit.governance import threatmodel as tm
from tests.browser.conftest import open_dashboard, violations

LONG = 60_000
MADE = tm.generate("triage", 1)  # the variant of the seed that the server of these tests is given
OWNER = "security lead"


def _panel(page, button):
    return page.locator(".lk-panel", has=page.get_by_role("button", name=button, exact=True)).first


def _dropdown(page, panel, label):
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}$"))
    return panel.locator(".widget-dropdown", has=named).locator("select")


def _set(page, panel, label, value):
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}$"))
    panel.locator(".widget-slider", has=named).locator(".widget-readout").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(str(value))
    page.keyboard.press("Enter")


def _reached(page, count):
    page.get_by_text(f"{count} of 5 checkpoints reached").first.wait_for(timeout=LONG)


def _option(id):
    part = MADE.model.find(id)
    if isinstance(part, tm.Element):
        return f"{part.name} ({part.kind})"
    return f"flow {MADE.model.flows.index(part) + 1}: {MADE.model.title(id)}"


def _shown(panel, title):
    """Wait for the notes of a part; its boxes are as they should be by then."""
    panel.locator("strong", has_text=re.compile(f"^{re.escape(title)}$")).wait_for(timeout=LONG)


def _note_threats(page, panel, tick):
    for flaw in MADE.planted:
        _dropdown(page, panel, "Part").select_option(label=_option(flaw.at))
        _shown(panel, MADE.model.title(flaw.at))
        tick(panel.get_by_role("checkbox", name=re.compile(f"^{tm.CATEGORIES[flaw.category].name}")))
    panel.get_by_text(f"Noted so far: {len(MADE.planted)}").wait_for(timeout=LONG)


def _choose(panel, titles):
    for title in titles:
        panel.get_by_role("checkbox", name=re.compile(f"^{re.escape(title)} ")).check()


def _titles(controls):
    return [control.title for control in MADE.controls if control.id in controls]


def test_the_lab_is_finished_by_mouse(page, server):
    open_dashboard(page, server, "L01")

    studio = _panel(page, "Next part")
    studio.get_by_role("button", name="Hand in").click()
    studio.get_by_text("Nothing was reported.").wait_for(timeout=LONG)
    _note_threats(page, studio, lambda box: box.check())
    studio.get_by_role("button", name="Hand in").click()
    studio.get_by_text("Found and why it matters: 12").wait_for(timeout=LONG)
    _reached(page, 1)

    register = page.locator(".lk-panel", has=page.get_by_text("Risk matrix")).first
    for flaw in tm.high_risks(MADE):
        label = f"{tm.CATEGORIES[flaw.category].name} at {MADE.model.title(flaw.at)}"
        _dropdown(page, register, "Threat").select_option(label=label)
        _set(page, register, "Likelihood", flaw.likelihood)
        _set(page, register, "Impact", flaw.impact)
        _dropdown(page, register, "Owner").select_option(label=OWNER)
        field = register.get_by_placeholder("type a word or an id").nth(1)  # the mitigation
        field.fill(tm.mitigations()[flaw.mitigations[0]])
        field.press("Tab")
    register.get_by_text(OWNER).nth(len(tm.high_risks(MADE)) - 1).wait_for(timeout=LONG)
    register.get_by_role("button", name="Hand in").click()
    _reached(page, 2)

    tree = _panel(page, "Draw and compute")
    tree.get_by_text("You chose 0 steps").wait_for(timeout=LONG)
    tree = page.locator(".lk-panel", has=page.get_by_text("Steps of the attack")).first
    attack, cut = tm.best_path(MADE.tree), tm.cheapest_cut(MADE.tree, MADE.controls, MADE.purse)
    tree.locator("select[multiple]").nth(0).select_option(
        label=[f"{s.title} (cost {s.cost:g})" for s in tm.steps(MADE.tree) if s.id in attack.steps]
    )
    tree.get_by_text("they reach the goal.").wait_for(timeout=LONG)
    tree.locator("select[multiple]").nth(1).select_option(
        label=[f"{c.title} ({c.cost} points)" for c in MADE.controls if c.id in cut[0]]
    )
    tree.get_by_text(f"Your cut costs {cut[1]} points").wait_for(timeout=LONG)
    tree.get_by_role("button", name="Hand in").first.click()
    _reached(page, 3)

    budget = _panel(page, "Hand in as the cheapest")
    cheapest = tm.cheapest_controls(MADE.risks, MADE.controls, MADE.appetite)
    _choose(budget, _titles(cheapest.controls))
    budget.get_by_text(f"{cheapest.cost} of 100 points spent").wait_for(timeout=LONG)
    budget.get_by_role("button", name="Hand in", exact=True).click()
    _reached(page, 4)
    budget.get_by_role("button", name="Hand in as the cheapest").click()
    _reached(page, 5)

    page.get_by_role("button", name="Add to my evidence pack").click()
    page.get_by_text("as JSON and as a page that can be printed").first.wait_for(timeout=LONG)
    assert violations(page, "threat-modelling-studio") == []


def test_a_system_of_ones_own_is_drawn_by_keyboard_and_taken_away(page, server):
    open_dashboard(page, server, "L01")
    own = _panel(page, "Add part")
    own.scroll_into_view_if_needed()
    own.get_by_text("Not looked at yet:").wait_for(timeout=LONG)

    name = own.get_by_label("New part")
    name.focus()
    page.keyboard.type("Queue <i>")
    page.keyboard.press("Tab")
    kind = _dropdown(page, own, "Kind")
    kind.focus()
    page.keyboard.press("ArrowDown")  # from process to store
    add = own.get_by_role("button", name="Add part")
    add.focus()
    page.keyboard.press("Enter")
    own.locator("option", has_text="Queue <i> (store)").first.wait_for(state="attached", timeout=LONG)

    _dropdown(page, own, "Flow to").select_option(label="Queue <i>")
    own.get_by_role("button", name="Connect").focus()
    page.keyboard.press("Space")
    own.locator("option", has_text="flow 3:").first.wait_for(state="attached", timeout=LONG)

    part = _dropdown(page, own, "Part")
    part.select_option(label="Service (process)")
    _shown(own, "Service")
    box = own.get_by_role("checkbox", name=re.compile("^Tampering"))
    box.focus()
    page.keyboard.press("Space")
    own.get_by_text("Noted: 1").wait_for(timeout=LONG)

    with page.expect_download() as saving:
        own.get_by_role("link", name="threat-model.json").click()
    text = saving.value.path().read_text(encoding="utf-8")
    model = tm.read_model(text)
    assert [element.name for element in model.elements][-1] == "Queue <i>"
    assert len(model.flows) == 3
    assert model.threats[0].key == ("service", "T")

    own.get_by_label("Load").fill("{")
    own.get_by_role("button", name="Load it").click()
    own.get_by_text("That cannot be read.").wait_for(timeout=LONG)
    own.get_by_label("Load").fill(tm.write_model(MADE.model))
    own.get_by_role("button", name="Load it").click()
    own.get_by_text(f"{MADE.model.name} is loaded.").wait_for(timeout=LONG)


def test_the_lab_is_finished_by_keyboard(page, server):
    open_dashboard(page, server, "L01", query="?scenario=triage")
    studio = _panel(page, "Next part")

    def press(box):
        box.focus()
        if not box.is_checked():
            page.keyboard.press("Space")

    _note_threats(page, studio, press)
    studio.get_by_role("button", name="Hand in").focus()
    page.keyboard.press("Enter")
    studio.get_by_text("Found and why it matters: 12").wait_for(timeout=LONG)

    budget = _panel(page, "Hand in as the cheapest")
    for title in _titles(tm.cheapest_controls(MADE.risks, MADE.controls, MADE.appetite).controls):
        press(budget.get_by_role("checkbox", name=re.compile(f"^{re.escape(title)} ")))
    for name in ("Hand in", "Hand in as the cheapest"):
        budget.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")
        budget.get_by_text(re.compile("points reach the appetite|within the appetite of")).first.wait_for(
            timeout=LONG
        )

    outline = _panel(page, "Draw and compute")
    text = outline.locator("textarea")
    text.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("OR goal\n  STEP dear | cost 9\n  STEP cheap | cost 2 | works 0.5")
    page.keyboard.press("Tab")
    outline.get_by_role("button", name="Draw and compute").focus()
    page.keyboard.press("Enter")
    outline.get_by_text("The cheapest attack costs 2").wait_for(timeout=LONG)
