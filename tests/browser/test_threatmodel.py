"""The threat-modelling studio, finished by mouse and by keyboard, as a participant would."""

import csv
import io
import re

from labkit.governance import threatmodel as tm
from tests.browser.conftest import open_dashboard, violations
from tests.browser.mouse import click, panel_with, reached

LONG = 60_000
MADE = tm.generate("triage", 1)  # the variant of the seed that the server of these tests is given
OWNER = "security lead"
FILES = ["diagram.svg", "risk-register.csv", "threat-model.json"]


def _register(page):
    return page.locator(".lk-panel", has=page.get_by_text("Risk matrix")).first


def _dropdown(page, panel, label):
    named = page.locator("label", has_text=re.compile(rf"^{re.escape(label)}$"))
    return panel.locator(".widget-dropdown", has=named).locator("select")


def _option(id):
    part = MADE.model.find(id)
    if isinstance(part, tm.Element):
        return f"{part.name} ({part.kind})"
    return f"flow {MADE.model.flows.index(part) + 1}: {MADE.model.title(id)}"


def _threat(flaw):
    return f"{tm.CATEGORIES[flaw.category].name} at {MADE.model.title(flaw.at)}"


def _shown(panel, title):
    """Wait for the notes of a part; its boxes are as they should be by then."""
    panel.locator("strong", has_text=re.compile(f"^{re.escape(title)}$")).wait_for(timeout=LONG)


def _box(panel, words):
    return panel.get_by_role("checkbox", name=re.compile(f"^{re.escape(words)} "))


def _titles(controls):
    return [control.title for control in MADE.controls if control.id in controls]


def _step_titles(steps):
    return [step.title for step in tm.steps(MADE.tree) if step.id in steps]


def _packed(server):
    """Return the files of the studio that lie in the evidence pack, by name."""
    found = {path.name: path for path in sorted(server.home.rglob("evidence/**/files/*/*"))}
    return {name: path.read_text(encoding="utf-8") for name, path in found.items() if name in FILES}


def _assert_the_artefact_is_there(server):
    files = _packed(server)
    assert sorted(files) == FILES
    model = tm.read_model(files["threat-model.json"])
    assert {threat.key for threat in model.threats} == {(flaw.at, flaw.category) for flaw in MADE.planted}
    assert model.assets == MADE.model.assets
    assert files["diagram.svg"].startswith("<svg")
    rows = list(csv.DictReader(io.StringIO(files["risk-register.csv"])))
    assert len(rows) == len(MADE.planted)
    high = [row for row in rows if row["level"] in ("high", "critical")]
    assert len(high) == len(tm.high_risks(MADE))
    assert {row["owner"] for row in high} == {OWNER}


# ---------------------------------------------------------------- by mouse


def test_the_lab_is_finished_by_mouse(own_server, page):
    server = own_server
    open_dashboard(page, server, "L01")
    tree = page.get_by_text("It names what is wrong with the system, so it opens")
    assert tree.count() == 2

    studio = panel_with(page, "Next part")
    click(page, studio, "Hand in")
    studio.get_by_text("Nothing was reported.").wait_for(timeout=LONG)
    panel_with(page, "Draw and compute").get_by_text("You chose 0 steps").wait_for(timeout=LONG)
    for flaw in MADE.planted:
        _dropdown(page, studio, "Part").select_option(label=_option(flaw.at))
        _shown(studio, MADE.model.title(flaw.at))
        _box(studio, f"{tm.CATEGORIES[flaw.category].name}:").check()
    studio.get_by_text(f"Noted so far: {len(MADE.planted)}").wait_for(timeout=LONG)
    click(page, studio, "Hand in")
    studio.get_by_text("Found and why it matters: 12").wait_for(timeout=LONG)
    reached(page, 1)

    register = _register(page)
    for number, flaw in enumerate(tm.high_risks(MADE), start=1):
        _dropdown(page, register, "Threat").select_option(label=_threat(flaw))
        _is_unrated(page, register)
        _dropdown(page, register, "Likelihood").select_option(index=flaw.likelihood)
        _dropdown(page, register, "Impact").select_option(index=flaw.impact)
        _dropdown(page, register, "Owner").select_option(label=OWNER)
        for place, words in ((0, flaw.technique), (1, tm.mitigations()[flaw.mitigations[0]])):
            field = register.get_by_placeholder("type a word or an id").nth(place)
            field.fill(words)
            field.press("Tab")
        register.locator("td", has_text=flaw.mitigations[0]).nth(_same(number) - 1).wait_for(timeout=LONG)
    click(page, register, "Hand in")
    reached(page, 2)

    tree = _tree(page)
    attack, cut = tm.best_path(MADE.tree), tm.cheapest_cut(MADE.tree, MADE.controls, MADE.purse)
    for title in (*_step_titles(attack.steps), *_titles(cut[0])):
        _box(tree, title).check()
    tree.get_by_text("they reach the goal.").wait_for(timeout=LONG)
    tree.get_by_text(f"Your cut costs {cut[1]} points").wait_for(timeout=LONG)
    tree.get_by_role("button", name="Hand in").first.click()
    reached(page, 3)

    budget = panel_with(page, "Hand in as the cheapest")
    cheapest = tm.cheapest_controls(MADE.risks, MADE.controls, MADE.appetite)
    for title in _titles(cheapest.controls):
        _box(budget, title).check()
    budget.get_by_text(f"{cheapest.cost} of 100 points spent").wait_for(timeout=LONG)
    click(page, budget, "Hand in", exact=True)
    reached(page, 4)
    click(page, budget, "Hand in as the cheapest")
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text("as JSON and as a page that can be printed").first.wait_for(timeout=LONG)
    assert violations(page, "threat-modelling-studio") == []
    _assert_the_artefact_is_there(server)


def _tree(page):
    return page.locator(".lk-panel", has=page.get_by_text("Steps of the attack")).first


def _is_unrated(page, register):
    """Wait until the form shows a threat that nobody has rated, in place of the one before."""
    page.wait_for_function(
        "(select) => select.selectedIndex === 0",
        arg=_dropdown(page, register, "Owner").element_handle(),
        timeout=LONG,
    )


def _same(number):
    """Return how many of the first high risks have the same mitigation as the last of them."""
    first = tm.high_risks(MADE)[:number]
    return sum(flaw.mitigations[0] == first[-1].mitigations[0] for flaw in first)


# ---------------------------------------------------------------- by keyboard


WAY = """(node) => {
  const now = document.activeElement;
  if (now === node) return 0;
  if (now === document.body) return 1;
  return node.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1;
}"""


class Keys:
    """A participant without a mouse: Tab, arrows, Space, Enter, and what is typed."""

    def __init__(self, page):
        self.page = page

    def go(self, target):
        """Press Tab, or Shift and Tab, until the target has the focus."""
        target.wait_for(state="attached", timeout=LONG)
        handle = target.element_handle()
        for _ in range(900):
            where = handle.evaluate(WAY)
            if where == 0:
                return
            self.page.keyboard.press("Tab" if where > 0 else "Shift+Tab")
        raise AssertionError(f"no way by keyboard to {target}")

    def press(self, target, key="Enter"):
        self.go(target)
        self.page.keyboard.press(key)

    def tick(self, box):
        self.go(box)
        if not box.is_checked():
            self.page.keyboard.press("Space")

    def pick(self, select, label=None, index=None):
        """Move to an option with the arrows."""
        self.go(select)
        if index is None:
            texts = [
                text.replace("\xa0", " ").strip() for text in select.locator("option").all_text_contents()
            ]
            index = texts.index(label)
        while (now := select.evaluate("(select) => select.selectedIndex")) != index:
            self.page.keyboard.press("ArrowDown" if now < index else "ArrowUp")

    def type(self, field, text):
        self.go(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text) if "\n" in text else self.page.keyboard.type(text)
        self.page.keyboard.press("Tab")


def test_the_lab_is_finished_by_keyboard(own_server, page):
    open_dashboard(page, own_server, "L01", query="?scenario=triage")
    keys, studio = Keys(page), panel_with(page, "Next part")
    for flaw in MADE.planted:
        keys.pick(_dropdown(page, studio, "Part"), _option(flaw.at))
        _shown(studio, MADE.model.title(flaw.at))
        keys.tick(_box(studio, f"{tm.CATEGORIES[flaw.category].name}:"))
    studio.get_by_text(f"Noted so far: {len(MADE.planted)}").wait_for(timeout=LONG)
    keys.press(studio.get_by_role("button", name="Hand in"))
    studio.get_by_text("Found and why it matters: 12").wait_for(timeout=LONG)
    reached(page, 1)

    register = _register(page)
    for number, flaw in enumerate(tm.high_risks(MADE), start=1):
        keys.pick(_dropdown(page, register, "Threat"), _threat(flaw))
        _is_unrated(page, register)
        keys.pick(_dropdown(page, register, "Likelihood"), index=flaw.likelihood)
        keys.pick(_dropdown(page, register, "Impact"), index=flaw.impact)
        keys.pick(_dropdown(page, register, "Owner"), OWNER)
        fields = register.get_by_placeholder("type a word or an id")
        keys.type(fields.nth(0), flaw.technique)
        keys.type(fields.nth(1), tm.mitigations()[flaw.mitigations[0]])
        register.locator("td", has_text=flaw.mitigations[0]).nth(_same(number) - 1).wait_for(timeout=LONG)
    keys.press(register.get_by_role("button", name="Hand in"))
    reached(page, 2)

    tree = _tree(page)
    attack, cut = tm.best_path(MADE.tree), tm.cheapest_cut(MADE.tree, MADE.controls, MADE.purse)
    for title in (*_step_titles(attack.steps), *_titles(cut[0])):
        keys.tick(_box(tree, title))
    tree.get_by_text(f"Your cut costs {cut[1]} points").wait_for(timeout=LONG)
    keys.tick(_box(tree, "Mark the cheapest attack"))
    tree.get_by_text("The likeliest attack that is left costs").wait_for(timeout=LONG)
    keys.press(tree.get_by_role("button", name="Hand in").first)
    reached(page, 3)

    outline = panel_with(page, "Draw and compute")
    keys.type(outline.locator("textarea"), "OR goal\n  STEP dear | cost 9\n  STEP cheap | cost 2 | works 0.5")
    keys.press(outline.get_by_role("button", name="Draw and compute"))
    outline.get_by_text("The cheapest attack costs 2").wait_for(timeout=LONG)

    budget = panel_with(page, "Hand in as the cheapest")
    cheapest = tm.cheapest_controls(MADE.risks, MADE.controls, MADE.appetite)
    for title in _titles(cheapest.controls):
        keys.tick(_box(budget, title))
    budget.get_by_text(f"{cheapest.cost} of 100 points spent").wait_for(timeout=LONG)
    keys.press(budget.get_by_role("button", name="Hand in", exact=True))
    reached(page, 4)
    keys.press(budget.get_by_role("button", name="Hand in as the cheapest"), "Space")
    reached(page, 5)

    keys.press(page.get_by_role("button", name="Add to my evidence pack"))
    page.get_by_text("as JSON and as a page that can be printed").first.wait_for(timeout=LONG)
    _assert_the_artefact_is_there(own_server)


def _offered(page, own, words):
    """Wait until the last list of the panel that is brought up to date offers a part."""
    options = _dropdown(page, own, "Part").locator("option")
    options.filter(has_text=words).first.wait_for(state="attached", timeout=LONG)


def test_a_system_of_ones_own_is_drawn_by_keyboard_and_taken_away(page, server):
    open_dashboard(page, server, "L01")
    keys, own = Keys(page), panel_with(page, "Add part")
    own.get_by_text("Not looked at yet:").wait_for(timeout=LONG)

    keys.press(own.get_by_role("button", name="Add zone"))
    own.get_by_text("type a name first").wait_for(timeout=LONG)
    keys.type(own.get_by_label("New part"), "Queue <i>")
    keys.pick(_dropdown(page, own, "Kind"), "store")
    keys.press(own.get_by_role("button", name="Add part"))
    _offered(page, own, "Queue <i> (store)")
    keys.pick(_dropdown(page, own, "Flow to"), "Queue <i>")
    keys.press(own.get_by_role("button", name="Connect"), "Space")
    _offered(page, own, "flow 3:")
    keys.type(own.get_by_label("New asset"), "Orders")
    keys.pick(_dropdown(page, own, "Lies at"), "Queue <i> (store)")
    keys.press(own.get_by_role("button", name="Add asset"))
    own.get_by_text("What is worth protecting: 1").wait_for(timeout=LONG)

    keys.pick(_dropdown(page, own, "Which one"), "Service (process)")
    page.wait_for_function(
        "(f) => f.value === 'Service'", arg=own.get_by_label("Its name or data").element_handle()
    )
    keys.type(own.get_by_label("Its notes"), "Everybody may write here.\nNobody looks.")
    keys.press(own.get_by_role("button", name="Change it"))
    keys.pick(_dropdown(page, own, "Part"), "Service (process)")
    own.get_by_text("Everybody may write here.").last.wait_for(timeout=LONG)
    keys.tick(_box(own, "Tampering:"))
    own.get_by_text("Noted: 1").wait_for(timeout=LONG)
    keys.pick(_dropdown(page, own, "Likelihood"), index=4)
    keys.pick(_dropdown(page, own, "Impact"), index=5)
    keys.type(own.get_by_label("Owner"), "Ada")
    own.locator("td", has_text="Ada").wait_for(timeout=LONG)

    keys.type(own.get_by_label("New control"), "A gate")
    keys.pick(_dropdown(page, own, "Helps against"), "Tampering at Service")
    keys.press(own.get_by_role("button", name="Add control"))
    keys.tick(_box(own, "A gate"))
    own.get_by_text("10 of 100 points spent").wait_for(timeout=LONG)
    keys.press(own.get_by_role("button", name="Add my threats"))
    own.get_by_text("every way is stopped").first.wait_for(timeout=LONG)

    with page.expect_download() as saving:
        keys.press(own.get_by_role("link", name="threat-model.json"))
    model = tm.read_model(saving.value.path().read_text(encoding="utf-8"))
    assert [element.name for element in model.elements][-1] == "Queue <i>"
    assert len(model.flows) == 3
    assert model.find("service").notes == ("Everybody may write here.", "Nobody looks.")
    assert [(asset.name, asset.at) for asset in model.assets] == [("Orders", "queue-i")]
    assert model.threats == (tm.Threat("service", "T", likelihood=4, impact=5, owner="Ada"),)
    assert model.plan.chosen == ("a-gate",)
    assert "threat service/T" in model.plan.tree
    assert violations(page, "a-system-of-ones-own") == []

    keys.type(own.get_by_label("Load"), "{")
    keys.press(own.get_by_role("button", name="Load it"))
    own.get_by_text("That cannot be read.").wait_for(timeout=LONG)
    own.get_by_label("Load").fill(tm.write_model(MADE.model))
    keys.press(own.get_by_role("button", name="Load it"))
    own.get_by_text(f"{MADE.model.name} is loaded.").wait_for(timeout=LONG)
