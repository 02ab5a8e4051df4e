"""What the governance lab measures, and the panels it is handed in with."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from labkit.core import InvalidInputError, UnknownNameError
from labkit.course import ProgressLog, Session, find_lab, load_module
from labkit.course.bots import run_bot
from labkit.governance.controls import HEAT, LISTS, heat_map, themes
from labkit.governance.obligations import fact_groups, facts
from labkit.ui import governance as panels
from labkit.ui.html import escape
from labkit.ui.session import LabSession

LAB = find_lab("L17", references=False)
CASE, BOTS = load_module(LAB, "case"), load_module(LAB, "bots")
case = CASE.make_case(LAB.scenarios[0], 0)
GOOD = {name: artefacts for name, artefacts in BOTS.reference(case)}


def measured(name, **changes):
    checkpoint = LAB.find_checkpoint(name)
    return CASE.MEASURES[checkpoint.metric](case, **{**GOOD[name], **changes})


@pytest.fixture
def lab(tmp_path):
    return LabSession(Session(LAB, seed=3, learner="somebody", log=ProgressLog(tmp_path / "log.sqlite")))


def test_the_bots_are_told_apart():
    assert all(result.passed for result in run_bot(LAB, "reference", seed=5))
    assert not any(result.passed for result in run_bot(LAB, "nothing", seed=5))
    assert not any(result.passed for result in run_bot(LAB, "lazy", seed=5))


def test_missing_the_ban_costs_the_checkpoint_even_with_five_right():
    banned = next(card for card in case.cards if card.tier == "prohibited")
    given = {**GOOD["classify"]["classification"], banned.id: ("minimal", banned.role)}
    found = measured("classify", classification=given)
    assert found.value == pytest.approx(4 / 6)
    assert found.facts["missed_ban"] == 1
    assert found.facts["first_title"] == banned.system.title


def test_one_other_mistake_is_allowed():
    other = next(card for card in case.cards if card.tier != "prohibited")
    given = {**GOOD["classify"]["classification"], other.id: ("prohibited", other.role)}
    assert measured("classify", classification=given).value == pytest.approx(5 / 6)


def test_a_law_that_is_chosen_is_noticed():
    found = measured("framework", framework="eu-ai-act")
    assert found.facts["is_law"] == 1
    assert found.value < 0.8


def test_a_control_without_its_document_does_not_count():
    first = case.pairings[0]
    wrong = next(name for name in first.evidence if name != first.document)
    given = {**GOOD["crosswalk"]["crosswalk"], first.id: (first.answer, wrong)}
    found = measured("crosswalk", crosswalk=given)
    assert found.value == pytest.approx(0.9)
    assert found.facts["without_evidence"] == 1


def test_a_condition_with_the_wrong_day_is_wrong():
    held = {name: each for name, each in GOOD["release"]["judgements"].items() if isinstance(each, tuple)}
    name = next(iter(held))
    given = {**GOOD["release"]["judgements"], name: ("condition", "2030-08-02")}
    found = measured("release", judgements=given)
    assert found.facts["wrong_dates"] == 1
    assert found.value < 1


@pytest.mark.parametrize(
    ("checkpoint", "changes", "error"),
    [
        ("classify", {"classification": {"nobody": ("minimal", "deployer")}}, UnknownNameError),
        ("classify", {"classification": {case.cards[0].id: ("low", "deployer")}}, UnknownNameError),
        ("classify", {"classification": {case.cards[0].id: "minimal"}}, InvalidInputError),
        ("classify", {"classification": []}, InvalidInputError),
        ("framework", {"framework": "iso-1"}, UnknownNameError),
        ("framework", {"reasons": ["luck"]}, UnknownNameError),
        ("crosswalk", {"crosswalk": {case.pairings[0].id: "A.2.2"}}, InvalidInputError),
        ("statement", {"statement": ["A.2.2"]}, InvalidInputError),
        ("statement", {"statement": {"A.2.2": {"applicable": 1}}}, InvalidInputError),
        ("release", {"verdicts": {"EU": "maybe"}}, UnknownNameError),
        ("release", {"judgements": {case.items[0].id: "perhaps"}}, UnknownNameError),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_known(checkpoint, changes, error):
    with pytest.raises(error):
        measured(checkpoint, **changes)


# ------------------------------------------------------------------ panels


def test_every_panel_is_light(lab):
    """Twenty open the lab at once, and a panel costs what its widgets cost (benchmarks serving: how long)."""
    for name in panels.__all__:
        assert len(list(_widgets(getattr(panels, name)(lab)))) < 45, name


def _widgets(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _widgets(child)


def _panel(lab, module, name):
    return getattr(__import__(f"labkit.ui.governance.{module}", fromlist=[name]), name)


def test_the_classification_is_handed_in_from_the_form_and_kept(lab):
    made = _panel(lab, "classification", "ClassificationPanel")(lab, "classify", {})
    for card in lab.case.cards:
        made.form.pick.value = card.id
        made.form.asked["tier"].value = card.tier
        made.form.asked["role"].value = card.role
    assert made.form.decided == 6
    made.hand_in()
    assert "reached" in made.feedback.value
    assert "classify" in lab.session.progress().passed
    again = _panel(lab, "classification", "ClassificationPanel")(
        lab, "classify", {"answers": made.form.answers}
    )
    assert again.form.decided == 6


def test_next_and_previous_go_round(lab):
    made = _panel(lab, "classification", "ClassificationPanel")(lab, "classify", {"row": "prohibited"})
    first = made.form.current
    assert next(card for card in lab.case.cards if card.id == first).tier == "prohibited"
    for _ in range(6):
        made.form._step(1)
    assert made.form.current == first
    made.form._step(-1)
    assert made.form.current != first


def test_the_statement_asks_only_what_is_left_to_ask(lab):
    made = _panel(lab, "applicability", "ApplicabilityPanel")(lab, "statement", {})
    asked = made.form.asked
    assert asked["reason"].layout.display == asked["evidence"].layout.display == "none"
    asked["applies"].value = "no"
    assert asked["reason"].layout.display == ""
    asked["applies"].value = "yes"
    asked["status"].value = "planned"
    assert (asked["due"].layout.display, asked["evidence"].layout.display) == ("", "none")


def test_statement_and_map_go_into_the_evidence_pack(lab):
    made = _panel(lab, "applicability", "ApplicabilityPanel")(lab, "statement", {})
    panels.obligation_panel(lab)
    made.form.asked["applies"].value = "yes"
    made.form.asked["status"].value = "planned"
    made.form.asked["due"].value = "2027-03-31"
    files = lab.attachments
    statement = json.loads(files["statement-of-applicability.json"])
    assert statement["lines"][0]["due"] == "2027-03-31"
    assert files["statement-of-applicability.csv"].splitlines()[0].startswith("control,title,applicable")
    duties = json.loads(files["obligation-map.json"])["obligations"]
    assert {each["id"] for each in duties} == {duty.obligation.id for duty in lab.case.duties}
    assert len(files["obligation-map.csv"].splitlines()) == len(duties) + 1


def test_the_map_shows_other_systems_only_after_they_were_classified(lab):
    made = _panel(lab, "obligation", "ObligationPanel")(lab, {})
    assert len(made.system.options) == 2
    lab.check("classify", classification={card.id: (card.tier, card.role) for card in lab.case.cards})
    assert len(made.system.options) == 7
    assert made.system.options[-1] == ("a system of our own", "own")


@pytest.fixture
def mapper(lab):
    made = _panel(lab, "obligation", "ObligationPanel")(lab, {})
    made.system.value = "own"
    return made


def _tick(made, *names):
    for name in names:
        made.ticks.group.value = next(group for group, held in fact_groups().items() if name in held)
        box = next(each for each in made.ticks.boxes if each.description == facts()[name])
        box.value = not box.value


def test_the_map_of_a_system_of_our_own_follows_the_facts_that_are_ticked(mapper):
    assert "nothing is ticked yet" in mapper.shown.value
    _tick(mapper, "employment-decision", "uses-at-work")
    assert mapper.current.facts == {"employment-decision", "uses-at-work"}
    assert "high-risk, listed use (Annex III), deployer" in mapper.shown.value
    assert "Deployer&#x27;s duties" in mapper.shown.value
    assert "2 December 2027" in mapper.shown.value
    _tick(mapper, "narrow-task")
    assert "minimal risk, deployer" in mapper.shown.value
    _tick(mapper, "narrow-task")
    assert "high-risk, listed use" in mapper.shown.value
    kept = json.loads(mapper.lab.attachments["obligation-map-own-system.json"])
    assert kept["facts"] == ["employment-decision", "uses-at-work"]
    assert "eu-deployer" in {each["id"] for each in kept["obligations"]}


def test_role_and_use_are_dials_of_the_map(mapper):
    mapper.ticks.use.value = "credit-scoring"
    mapper.role.value = "deployer"
    assert "Fundamental rights impact assessment" in mapper.shown.value
    mapper.role.value = "provider"
    assert "Fundamental rights impact assessment" not in mapper.shown.value
    assert "Quality management system" in mapper.shown.value
    mapper.ticks.use.value = "annex-i-product"
    assert mapper.current.facts == {"annex-i-product", "third-party-assessment"}
    assert "2 August 2028" in mapper.shown.value
    mapper.ticks.use.value = "none"
    assert mapper.current.facts == set()
    assert "Quality management system" not in mapper.shown.value
    mapper.place.value = "US"
    assert "European Union" not in mapper.shown.value.split("What the bundled facts")[0]


def test_the_map_says_what_holds_today_and_in_how_many_days_the_rest_begins(mapper):
    _tick(mapper, "employment-decision", "uses-at-work", "personal-data")
    assert 'aria-hidden="true">✔</span> holds' in mapper.shown.value
    left = (date(2027, 12, 2) - date.today()).days  # a system of one's own lives in the present
    assert left <= 0 or f"in {left} days" in mapper.shown.value
    assert "uncertain" in mapper.shown.value
    assert "Its design stays as it is." in mapper.shown.value
    _tick(mapper, "public-authority")
    assert "comply by 2 August 2030" in mapper.shown.value


def test_what_was_changed_about_a_card_is_said_and_undone(lab):
    made = _panel(lab, "obligation", "ObligationPanel")(lab, {})
    card = lab.case.flagship.system
    assert made.current == card
    fact = next(iter(sorted(card.facts)))
    _tick(made, fact, "deep-fake")
    assert f"no more: it {facts()[fact]}".replace("'", "&#x27;") in made.shown.value
    assert f"now it {facts()['deep-fake']}" in made.shown.value
    made.again.click()
    assert made.current == card
    assert "Changed from its card" not in made.shown.value


def test_facts_that_were_ticked_are_there_when_the_page_is_opened_again(lab):
    left = {"system": "own", "facts_of": "own", "facts": ["deep-fake", "gone-since"], "role": "deployer"}
    made = _panel(lab, "obligation", "ObligationPanel")(lab, left)
    assert made.current.facts == {"deep-fake"}
    assert "Disclose deep fakes" in made.shown.value


# ------------------------------------------------------------------ heat map


@pytest.fixture
def gap(lab):
    lines = BOTS.statement(lab.case)
    lab.put("statement", lines)
    return _panel(lab, "gap", "GapPanel")(lab, {"everything": True})


def _rows(markup):
    body = markup.split("<tbody>")[1].split("</tbody>")[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def test_the_heat_map_has_a_value_for_every_theme_and_list(gap, lab):
    done = {name for name, line in lab.shelf["statement"].items() if line.evidence}
    cells = heat_map(done)
    rows = _rows(gap.shown.value)
    assert len(rows) == len(themes()) + 1
    for theme, row in zip(themes(), rows, strict=False):
        assert row[0].startswith(escape(theme.title))
        for source, cell in zip(LISTS, row[1:], strict=True):
            wanted = cells[(theme.id, source)]
            assert f"lk-heat-{wanted.step}" in cell
            assert (f"{len(wanted.helped)} of {wanted.total}" if wanted.total else "–") in cell
    assert len({cell.step for cell in cells.values()}) == 5


def test_heat_is_told_by_number_and_pattern_and_never_by_colour_alone():
    style = (Path(panels.__file__).parent.parent / "style.css").read_text(encoding="utf-8")
    looks = [re.search(rf"\.lk-heat-{step} {{(.*?)}}", style)[1] for step in HEAT]
    without_colour = {re.sub(r"var\(--[a-z]+\)", "ink", look) for look in looks}
    assert len(without_colour) == len(HEAT)


def test_a_cell_is_explained_entry_by_entry(gap, lab):
    gap.theme.value, gap.list.value = "logging-monitoring", "eu_ai_act"
    done = {name for name, line in lab.shelf["statement"].items() if line.evidence}
    cell = heat_map(done)[("logging-monitoring", "eu_ai_act")]
    assert f"{len(cell.helped)} of {cell.total} entries" in gap.cell.value
    assert gap.cell.value.count("Not helped: ") == len(cell.left)
    assert "A.6.2.8" in gap.cell.value


def test_what_is_planned_counts_when_it_is_asked_for_and_the_map_goes_into_the_evidence_pack(gap, lab):
    before = gap.shown.value
    gap.counts.value = "coming"
    assert gap.shown.value != before
    head, *rows = lab.attachments["gap-heat-map.csv"].splitlines()
    assert head.startswith("theme,statement,NIST AI RMF,ISO/IEC 42001")
    assert len(rows) == len(themes())


def test_a_spreadsheet_never_takes_a_cell_for_a_formula():
    from labkit.ui.governance.common import csv_text

    assert csv_text(("a",), [("=1+1",), ("@x",), ("fine",)]) == "a\n'=1+1\n'@x\nfine\n"
