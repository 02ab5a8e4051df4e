"""The governance lab, finished by mouse and by keyboard, as a participant would."""

import re
from datetime import date

import pytest

from labkit.course import find_lab, load_module
from labkit.governance.controls import factors
from labkit.governance.obligations import facts
from tests.browser.conftest import open_dashboard, violations
from tests.browser.mouse import click, reached

LONG = 120_000
LAB = find_lab("L17", references=False)
# The servers of these tests play the variant of seed 1.
CASE = load_module(LAB, "case").make_case(LAB.scenarios[0], 1)
GOOD = dict(load_module(LAB, "bots").reference(CASE))


def _panel(page, label):
    """Return the panel with a drop-down list of this label."""
    return page.locator(
        ".lk-panel", has=page.locator("label", has_text=re.compile(f"^{re.escape(label)}$"))
    ).first


def _list(panel, label):
    line = panel.locator(
        ".widget-dropdown", has=panel.page.locator("label", has_text=re.compile(f"^{label}$"))
    )
    return line.locator("select")


def _pick(panel, label, text):
    chosen = _list(panel, label)
    chosen.select_option(label=text)


def _words(options, value):
    return next(text for text, each in options if each == value)


def _decide(panel, word, number, answers):
    """Answer one row and wait until the table has it, as the kernel does the writing."""
    for label, text in answers.items():
        _pick(panel, label, text)
    row = panel.locator("tbody tr", has_text=re.compile(rf"^\s*{number}: ")).first
    row.get_by_text("decided").wait_for(timeout=LONG)


def _next(panel, word, number, last):
    click(panel.page, panel, "Next", exact=True)
    wanted = 1 if last else number + 1
    head = panel.locator("tbody tr", has_text="(shown above)")
    head.get_by_text(re.compile(rf"^{wanted}: ")).first.wait_for(timeout=LONG)


def _fill(panel, word, rows):
    for number, answers in enumerate(rows, start=1):
        _decide(panel, word, number, answers)
        _next(panel, word, number, number == len(rows))


def _hand_in(panel):
    click(panel.page, panel, "Hand in")


@pytest.fixture
def words():
    from labkit.governance.controls import annex_a, documents, frameworks, reasons
    from labkit.governance.obligations import JURISDICTIONS, ROLES, TIERS
    from labkit.governance.obligations.release import VERDICTS

    return {
        "tiers": TIERS,
        "roles": ROLES,
        "controls": {each.id: f"{each.id} {each.title}" for each in annex_a()},
        "documents": {each.id: each.title for each in documents()},
        "reasons": reasons(),
        "frameworks": {each.id: each.title for each in frameworks()},
        "verdicts": VERDICTS,
        "places": JURISDICTIONS,
    }


def test_the_lab_is_finished_by_mouse(own_server, page, words):
    open_dashboard(page, own_server, "L17")

    classify = _panel(page, "Our role")
    key = GOOD["classify"]["classification"]
    _fill(
        classify,
        "System",
        [
            {"Tier": words["tiers"][key[card.id][0]], "Our role": words["roles"][key[card.id][1]]}
            for card in CASE.cards
        ],
    )
    _hand_in(classify)
    reached(page, 1)

    chooser = _panel(page, "Our framework")
    chosen = GOOD["framework"]
    _pick(chooser, "Our framework", words["frameworks"][chosen["framework"]])
    short = {"customers": "what customers ask"}
    for name in chosen["reasons"]:
        chooser.get_by_role("checkbox", name=short.get(name, name), exact=True).check()
    for name in chosen["duties"]:
        chooser.get_by_role("checkbox", name=words["frameworks"][name], exact=True).check()
    _hand_in(chooser)
    reached(page, 2)

    crosswalk = _panel(page, "Counterpart")
    _fill(
        crosswalk,
        "Control",
        [
            {"Counterpart": words["controls"][each.answer], "Evidence": words["documents"][each.document]}
            for each in CASE.pairings
        ],
    )
    _hand_in(crosswalk)
    reached(page, 3)

    statement = _panel(page, "Applies")
    _fill(
        statement,
        "Control",
        [_statement_row(GOOD["statement"]["statement"][c], words) for c in CASE.controls],
    )
    _hand_in(statement)
    reached(page, 4)

    page.get_by_text("Gaps by theme").first.wait_for(timeout=LONG)

    release = _panel(page, "What it is")
    _fill(release, "Item", [_item_row(item) for item in CASE.items])
    for place, verdict in GOOD["release"]["verdicts"].items():
        _pick(release, words["places"][place], words["verdicts"][verdict])
    _hand_in(release)
    reached(page, 5)

    click(page, page, "Add to my evidence pack")
    page.get_by_text(re.compile("Kept in")).first.wait_for(timeout=LONG)
    assert violations(page, "governance") == []
    kept = {path.name for path in own_server.home.rglob("*") if path.is_file()}
    assert {"statement-of-applicability.csv", "obligation-map.json"} <= kept


def _statement_row(line, words):
    if not line.applicable:
        return {"Applies": "no", "Reason to leave it out": words["reasons"][line.reason]}
    if line.evidence:
        return {"Applies": "yes", "How far": "in place", "Evidence": words["documents"][line.evidence[0]]}
    return {"Applies": "yes", "How far": "planned", "Planned for": "31 March 2027"}


def _item_row(item):
    from labkit.course.cases.governing.case import JUDGEMENTS
    from labkit.ui.governance.common import say_day

    kind, due = CASE.judgements[item.id]
    row = {"What it is": JUDGEMENTS[kind]}
    if due:
        from datetime import date

        row["Due on"] = say_day(date.fromisoformat(due))
    return row


def test_the_lab_is_finished_by_keyboard_alone(own_server, page, words):
    open_dashboard(page, own_server, "L17")
    key = GOOD["classify"]["classification"]
    tiers, roles = list(words["tiers"]), list(words["roles"])
    systems = [
        {"Tier": tiers.index(key[card.id][0]), "Our role": roles.index(key[card.id][1])}
        for card in CASE.cards
    ]
    _type_rows(page, "Our role", systems)
    _press(page, "Hand in")
    reached(page, 1)

    chosen = GOOD["framework"]
    _choose(page, "Our framework", list(words["frameworks"]).index(chosen["framework"]))
    short = {"customers": "what customers ask"}
    boxes = [short.get(name, name) for name in factors() if name in chosen["reasons"]]
    boxes += [title for name, title in words["frameworks"].items() if name in chosen["duties"]]
    for box in boxes:
        _tab_to(page, box)
        page.keyboard.press("Space")
    _press(page, "Hand in")
    reached(page, 2)

    pairs = [
        {"Counterpart": each.options.index(each.answer), "Evidence": each.evidence.index(each.document)}
        for each in CASE.pairings
    ]
    _type_rows(page, "Counterpart", pairs)
    _press(page, "Hand in")
    reached(page, 3)

    _type_rows(page, "Applies", [_statement_keys(name, words) for name in CASE.controls])
    _press(page, "Hand in")
    reached(page, 4)

    _choose(page, "List of a cell", 2)
    page.get_by_text("Controls of ISO/IEC 42001 for this theme").first.wait_for(timeout=LONG)

    _type_rows(page, "What it is", [_item_keys(item) for item in CASE.items])
    for place, verdict in GOOD["release"]["verdicts"].items():
        _choose(page, words["places"][place], list(words["verdicts"]).index(verdict))
    _press(page, "Hand in")
    reached(page, 5)

    _press(page, "Add to my evidence pack")
    page.get_by_text(re.compile("Kept in")).first.wait_for(timeout=LONG)
    kept = {path.name for path in own_server.home.rglob("*") if path.is_file()}
    assert {"statement-of-applicability.csv", "obligation-map.json", "gap-heat-map.csv"} <= kept


def _statement_keys(control, words):
    line = GOOD["statement"]["statement"][control]
    if not line.applicable:
        return {"Applies": 1, "Reason to leave it out": list(words["reasons"]).index(line.reason)}
    if line.evidence:
        evidence = [each.id for each in CASE.register].index(line.evidence[0])
        return {"Applies": 0, "How far": 0, "Evidence": evidence}
    return {"Applies": 0, "How far": 1, "Planned for": 1}


def _item_keys(item):
    from labkit.course.cases.governing.case import JUDGEMENTS
    from labkit.ui.governance.release import _days

    kind, due = CASE.judgements[item.id]
    keys = {"What it is": list(JUDGEMENTS).index(kind)}
    return keys | ({"Due on": [day for _, day in _days(CASE)].index(due)} if due else {})


def _type_rows(page, label, rows):
    """Answer every row of the form that holds a list of this label, without a mouse."""
    panel = _panel(page, label)
    first = next(iter(rows[0]))
    for number, answers in enumerate(rows, start=1):
        line = panel.locator("tbody tr", has_text=re.compile(rf"^\s*{number}: ")).first
        for name, index in answers.items():
            # What is asked may depend on the answer before; Tab finds a list once it is shown.
            _list(panel, name).wait_for(timeout=LONG)
            taken = _choose(page, name, index, back=number > 1 and name == first)
            # Every press is a message; the next answer waits until the kernel has the last of them.
            line.get_by_text(taken, exact=True).first.wait_for(timeout=LONG)
        line.get_by_text("decided").wait_for(timeout=LONG)
        if number < len(rows):
            _press(page, "Next")
            shown = panel.locator("tbody tr", has_text="(shown above)")
            shown.get_by_text(re.compile(rf"^{number + 1}: ")).first.wait_for(timeout=LONG)


def _choose(page, label, index, back=False):
    """Take an option of the next list of this label, and return its words."""
    _tab_to(page, label, back)
    # ipywidgets writes the blanks of an option so that no line breaks there.
    first = page.evaluate("document.activeElement.options[0].label").replace("\xa0", " ")
    _down(page, index + 1 if first == "not decided yet" else index)
    return page.evaluate("document.activeElement.selectedOptions[0].label").replace("\xa0", " ")


def _press(page, words):
    _tab_to(page, words)
    page.keyboard.press("Enter")


def _down(page, count):
    for _ in range(count):
        page.keyboard.press("ArrowDown")


NAME_OF_FOCUS = """() => {
  const here = document.activeElement;
  const label = here.closest('label') || (here.id && document.querySelector(`label[for="${here.id}"]`));
  return (label || here).textContent.trim();
}"""


def _tab_to(page, words, back=False):
    """Go on with Tab until something of this name has the focus."""
    for _ in range(400):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate(NAME_OF_FOCUS) == words:
            return
    raise AssertionError(f"{words} is not reached with Tab")


def test_feedback_says_why_and_a_map_shows_days(own_server, page):
    open_dashboard(page, own_server, "L17")
    classify = _panel(page, "Our role")
    _hand_in(classify)
    classify.get_by_text("may not be used at all").first.wait_for(timeout=LONG)
    chart = page.get_by_role("img", name=re.compile("obligations are in force on 23 November 2026")).first
    chart.wait_for(timeout=LONG)
    matrix = _panel(page, "Theme")
    _pick(matrix, "Theme", "Logging and monitoring")
    _pick(matrix, "List", "EU AI Act")
    matrix.get_by_text("Art. 12 Record-keeping").first.wait_for(timeout=LONG)


def test_the_map_of_a_system_of_our_own_is_drawn_from_what_is_ticked(own_server, page):
    open_dashboard(page, own_server, "L17")
    duties = _panel(page, "Facts about")
    _pick(duties, "System", "a system of our own")
    duties.get_by_text("nothing is ticked yet").first.wait_for(timeout=LONG)
    _pick(duties, "Use", facts()["employment-decision"])
    _pick(duties, "Facts about", "who does what")
    duties.get_by_role("checkbox", name=facts()["uses-at-work"], exact=True).check()
    duties.get_by_text("high-risk, listed use (Annex III), deployer").first.wait_for(timeout=LONG)
    left = (date(2027, 12, 2) - date.today()).days  # a system of one's own lives in the present
    duties.get_by_text(f"in {left} days" if left > 0 else "holds").first.wait_for(timeout=LONG)
    _pick(duties, "Role", "provider")
    duties.get_by_text("Quality management system").first.wait_for(timeout=LONG)
    assert violations(page, "governance-map") == []


def test_the_second_scenario_opens_from_its_link(page, server):
    open_dashboard(page, server, "L17", "?scenario=britain")
    page.get_by_text("United Kingdom").first.wait_for(timeout=LONG)
    assert violations(page, "governance-britain") == []
