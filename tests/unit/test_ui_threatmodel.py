"""The panels of the studio without a front end: nothing is lost, and everything is said in words."""

from __future__ import annotations

import csv
import io
import json
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest

from labkit.course import DemoState, ProgressLog, Session, find_lab, load_module
from labkit.evidence import EvidencePack
from labkit.governance import threatmodel as tm
from labkit.ui import threatmodel as panels
from labkit.ui.evidence import EvidencePanel
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.budget_panel import BudgetPanel
from labkit.ui.threatmodel.own import OwnPanel
from labkit.ui.threatmodel.register_panel import RegisterPanel
from labkit.ui.threatmodel.studio_panel import StudioPanel
from labkit.ui.threatmodel.tree import TreePanel

LAB = find_lab("L01", references=False)
MADE = tm.generate("triage", 1)
TRUTH = [(flaw.at, flaw.category) for flaw in MADE.planted]


@pytest.fixture
def opened(tmp_path, own_home):
    """Open the lab as the same participant, as often as is asked for."""

    def open_lab(demo: DemoState | None = None) -> LabSession:
        log = ProgressLog(tmp_path / "log.sqlite")
        return LabSession(Session(LAB, "triage", learner="ann", seed=1, log=log), demo=demo)

    return open_lab


def own(lab: LabSession) -> OwnPanel:
    return OwnPanel(lab, lab.state("own_system"))


def studio(lab: LabSession) -> StudioPanel:
    return StudioPanel(lab, "find", lab.state("studio"))


def register(lab: LabSession) -> RegisterPanel:
    return RegisterPanel(lab, "register", lab.state("register"))


def texts(widget: Any) -> str:
    """Return everything that a widget and its children show."""
    shown = (str(getattr(widget, "value", "")), str(getattr(widget, "description", "")))
    return " ".join((*shown, *(texts(child) for child in getattr(widget, "children", ()))))


def choose(panel: OwnPanel, id: str, **fields: Any) -> None:
    panel.editor.chosen.value = id
    for name, value in fields.items():
        getattr(panel.editor, name).value = value


# ---------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize(
    ("field", "typed", "button", "says"),
    [
        ("new_zone", "", "add_zone", "type a name first"),
        ("new_zone", "x" * 201, "add_zone", "1 to 200 characters, got 201"),
        ("name", "  ", "add_part", "type a name first"),
        ("data", "x" * 201, "connect", "1 to 200 characters, got 201"),
        ("asset", "", "add_asset", "type a name first"),
        ("its_name", "x" * 201, "change", "1 to 200 characters, got 201"),
        ("its_name", "", "change", "type a name first"),
        ("its_notes", "x" * 201, "change", "note on"),
    ],
)
def test_what_could_not_be_read_again_is_refused_in_words_and_changes_nothing(
    opened, field, typed, button, says
):
    panel = own(opened())
    panel.editor.source.value, panel.editor.target.value = "user", "data"
    choose(panel, "ask")
    before = panel.whole
    getattr(panel.editor, field).value = typed
    getattr(panel.editor, button)()
    assert says in panel.said.value
    assert "Nothing was changed" in panel.said.value
    assert panel.whole == before
    assert getattr(panel.editor, field).value == typed  # to be mended, not typed again
    panel.memory.flush()
    assert own(opened()).whole == before


def test_a_drawing_is_there_again_after_a_refresh(opened):
    panel = own(opened())
    panel.editor.new_zone.value = "Partner <i>"
    panel.editor.add_zone()
    panel.editor.name.value, panel.editor.zone.value = "Queue", panel.model.zones[-1].id
    panel.editor.add_part()
    panel.editor.source.value, panel.editor.target.value = "service", "queue"
    panel.editor.data.value = "x" * 200
    panel.editor.connect()
    assert panel.said.value == ""
    panel.memory.flush()
    again = own(opened())
    assert again.whole == panel.whole
    assert again.unread == ""


def test_a_drawing_that_cannot_be_read_is_shown_and_kept_until_its_owner_drops_it(opened):
    lab = opened()
    panel = own(lab)
    broken = tm.write_model(panel.whole).replace('"name": "Internet"', '"name": ""')
    panel.memory.note(model=broken)
    panel.memory.flush()

    for _ in range(2):  # a second refresh finds it as well
        shown = own(opened())
        assert "Nothing is lost." in texts(shown.rescue)
        assert shown.load.value == broken
        shown.editor.new_zone.value = "New"
        shown.editor.add_zone()
        shown.memory.flush()

    mended = own(opened())
    mended.load.value = broken.replace('"name": ""', '"name": "Internet"')
    mended.load_model()
    assert "is loaded" in mended.said.value
    mended.forget()
    mended.memory.flush()
    last = own(opened())
    assert last.rescue.children == ()
    assert last.whole == panel.whole


def test_a_drawing_that_is_too_large_to_be_kept_says_so(opened):
    panel = own(opened())
    assert panel.kept.value == ""
    zones = tuple(tm.Zone(f"z{number}", "x" * 190) for number in range(300))
    panel.load.value = tm.write_model(replace(panel.whole, zones=(*panel.whole.zones, *zones)))
    panel.load_model()
    assert "Save threat-model.json" in panel.kept.value


def test_a_row_that_was_taken_out_in_the_studio_stays_out_after_a_refresh(opened):
    lab = opened()
    found, rated = studio(lab), register(lab)
    for where, what in TRUTH[:3]:
        found.picker.part.value = where
        found.picker.ticks[what].value = True
    rated.form.which.value = "/".join(TRUTH[0])
    rated.form.likelihood.value = 4
    rated.form.which.value = "/".join(TRUTH[1])
    rated.form.owner.value = "security lead"
    found.picker.part.value = TRUTH[0][0]
    found.picker.ticks[TRUTH[0][1]].value = False
    for panel in (found, rated):
        panel.memory.flush()

    for order in ((studio, register), (register, studio)):
        lab = opened()
        both = [make(lab) for make in order]
        threats = both[0].threats
        assert threats is both[1].threats
        assert sorted(threats) == sorted(TRUTH[1:3])
        assert threats[TRUTH[1]].owner == "security lead"


def test_loading_a_file_keeps_owners_name_and_ids_that_this_release_does_not_know(opened):
    threat = tm.Threat("service", "T", "AML.T9999", "AML.M0005", 0, 0, "Ada from the night shift")
    model = replace(own(opened()).whole, name="Ada's system", threats=(threat,))
    panel = own(opened())
    panel.load.value = tm.write_model(model)
    panel.load_model()
    assert panel.editor.title.value == "Ada's system"
    assert panel.form.owner.value == "Ada from the night shift"
    assert panel.form.technique.value == "AML.T9999"
    panel.form.impact.value = 4
    assert panel.whole.threats == (replace(threat, impact=4),)
    panel.memory.flush()
    assert own(opened()).whole == panel.whole


def test_an_owner_can_be_anything_that_is_typed_and_the_drawing_is_read_again(opened):
    panel = own(opened())
    planned(panel)
    for typed in ("Ada\x00\tL.", "x" * 300, "\ud800", "=cmd()", ""):
        panel.form.owner.value = typed
        assert tm.read_model(tm.write_model(panel.whole)) == panel.whole
    panel.form.owner.value = "Ada\x00 L."
    assert panel.whole.threats[0].owner == "Ada L."


# ---------------------------------------------------------------- rating


def rated_form(lab: LabSession) -> Any:
    panel = studio(lab)
    panel.picker.part.value = TRUTH[0][0]
    panel.picker.ticks[TRUTH[0][1]].value = True
    return register(lab).form


def test_setting_the_owner_rates_nothing(opened):
    form = rated_form(opened())
    assert (form.likelihood.value, form.impact.value) == (0, 0)
    form.owner.value = "security lead"
    assert form.threats[TRUTH[0]] == tm.Threat(*TRUTH[0], owner="security lead")
    form.impact.value = 5
    assert form.threats[TRUTH[0]].likelihood == 0
    assert "not rated" in [text for text, _ in form.likelihood.options]
    assert any(tm.LIKELIHOOD[3] in text for text, _ in form.likelihood.options)


@pytest.mark.parametrize(
    ("typed", "taken", "says"),
    [
        ("AML.M0013", "AML.M0013", ""),
        ("aml.m0013 whatever", "AML.M0013", ""),
        ("code signing", "AML.M0013", ""),
        ("signing", "AML.M0013", ""),
        ("training data", "AML.M0007", ""),
        ("hardening", "", "fits 2: AML.M0003"),
        ("prayer", "", "No ATLAS mitigation has “prayer” in its title"),
        ("", "", ""),
    ],
)
def test_a_part_of_a_title_is_enough_where_it_fits_one_and_is_answered_where_it_does_not(
    opened, typed, taken, says
):
    form = rated_form(opened())
    form.mitigation.value = typed
    assert form.threats[TRUTH[0]].mitigation == taken
    assert says in form.said.value
    assert bool(form.said.value) is bool(says)
    if taken:
        assert form.mitigation.value == f"{taken} {tm.mitigations()[taken]}"


def test_what_was_chosen_stays_when_what_is_typed_next_is_unclear(opened):
    form = rated_form(opened())
    form.mitigation.value = "signing"
    form.mitigation.value = "hardening"
    assert form.threats[TRUTH[0]].mitigation == "AML.M0013"
    assert "AML.M0013 stays" in form.said.value
    form.mitigation.value = ""
    assert form.threats[TRUTH[0]].mitigation == ""


# ---------------------------------------------------------------- the why of a list


def test_every_miss_and_every_false_alarm_has_its_why_in_steps(opened):
    lab = opened()
    alarm = next(key for key in tm.every_pair(MADE.model) if key not in TRUTH)
    handed = [*TRUTH[:8], alarm]
    missed = MADE.planted[8:]
    notes = [MADE.note(flaw.at, flaw.category).sentence for flaw in missed]

    lab.check("find", threats=[])
    nothing = panels.findings(lab, [])
    assert "Missed" not in nothing.text
    assert "once you have handed in a list" in nothing.text
    lab.session.reset()

    feedback = lab.check("find", threats=handed)
    for flaw in missed:
        assert f"{MADE.model.title(flaw.at)} ({tm.CATEGORIES[flaw.category].question})" in feedback.text
    first = panels.findings(lab, handed)
    assert "False alarms and why: 1" in first.text
    assert "Missed and why: 4" in first.text
    assert all(tm.CATEGORIES[flaw.category].question in first.text for flaw in missed)
    assert not [note for note in notes if note in first.text]

    lab.check("find", threats=handed)
    second = panels.findings(lab, handed)
    assert all(note in second.text for note in notes)
    assert not [flaw.title for flaw in missed if flaw.title in second.text]

    lab.check("find", threats=handed)
    third = panels.findings(lab, handed)
    assert all(flaw.title in third.text for flaw in missed)
    assert "{person}" not in third.text


def test_the_third_hint_quotes_the_notes_and_a_pass_tells_everything(opened, monkeypatch):
    monkeypatch.setenv("LABKIT_THINK_SECONDS", "0")
    lab = opened()
    lab.check("find", threats=TRUTH[:5])
    for _ in range(3):
        lab.session.hint("find")
    assert MADE.note(*TRUTH[8]).sentence in panels.findings(lab, TRUTH[:5]).text
    lab.check("find", threats=TRUTH[:11])
    assert MADE.planted[11].title in panels.findings(lab, TRUTH[:11]).text


def test_the_feedback_on_a_register_names_the_first_bad_row_and_why(opened):
    lab = opened()
    rows = [replace(row, likelihood=5, impact=5) for row in _key_rows(lab)]
    rows[0] = replace(rows[0], impact=4)
    said = lab.check("register", rows=rows).text
    assert "The first:" in said
    assert "more than one step above" in said


def _key_rows(lab: LabSession) -> list[tm.Threat]:
    handed = dict(load_module(LAB, "bots").reference(lab.case))
    return handed["register"]["rows"]


# ---------------------------------------------------------------- tree and budget


def test_tree_and_budget_open_when_the_list_was_handed_in_and_close_with_a_new_beginning(opened):
    lab = opened()
    boxes = [panels.attack_tree(lab), panels.budget(lab)]
    titles = [flaw.title for flaw in MADE.planted]

    def shown() -> list[bool]:
        for box in boxes:
            deadline = time.monotonic() + 5
            while "Preparing" in texts(box) and time.monotonic() < deadline:
                time.sleep(0.02)
        return [any(title in texts(box) for title in titles) for box in boxes]

    assert shown() == [False, False]
    assert all("This part is still closed" in texts(box) for box in boxes)
    lab.check("find", threats=[TRUTH[0]])
    assert shown() == [True, True]
    lab.session.reset()
    lab.changed()
    assert shown() == [False, False]


def test_a_live_demo_has_tree_and_budget_open(opened):
    for number, demo in enumerate(LAB.demo):
        lab = opened(demo)
        assert "still closed" not in texts(panels.attack_tree(lab)), number
        assert "still closed" not in texts(panels.budget(lab))


def test_the_tree_says_the_cheapest_and_the_likeliest_attack_in_words_and_in_the_alternative_text(opened):
    lab = opened(LAB.demo[2])
    panel = TreePanel(lab, "tree", {"show": "cheapest", "controls": ["vault"]})
    left = tm.best_path(MADE.tree, stopped=["vault"])
    likeliest = tm.best_path(MADE.tree, by="probability", stopped=["vault"])
    for shown in (panel.words.value, panel.drawing.value):
        assert f"The cheapest attack that is left costs {left.cost:g}" in shown
        assert f"The likeliest attack that is left costs {likeliest.cost:g}" in shown
        assert f"{left.probability:.0%} of the time" in shown
    vault = [step.title for step in tm.steps(MADE.tree) if "vault" in step.controls]
    if vault:
        assert f"{vault[0]} (stopped)" in panel.drawing.value
        assert f"Secrets in a vault, one for each service, rotated stops: {vault[0]}" in panel.words.value
    panel.show_cheapest.value = False
    assert "cheapest attack that is left" not in panel.words.value


def test_steps_and_controls_are_boxes_to_tick_that_stay_ticked(opened):
    lab = opened()
    panel = TreePanel(lab, "tree", lab.state("attack_tree"))
    path, cut = tm.best_path(MADE.tree), tm.cheapest_cut(MADE.tree, MADE.controls, MADE.purse)
    for id in path.steps:
        panel.path[id].value = True
    for id in cut[0]:
        panel.cut[id].value = True
    assert "they reach the goal." in panel.words.value
    panel.hand_in()
    assert lab.session.attempts("tree")[-1].passed
    panel.memory.flush()
    lab = opened()
    again = TreePanel(lab, "tree", lab.state("attack_tree"))
    assert sorted(again.chosen["path"]) == sorted(path.steps)
    assert sorted(again.chosen["cut"]) == sorted(cut[0])


def test_the_budget_is_reached_by_ticking(opened):
    lab = opened()
    panel = BudgetPanel(lab, ("controls", "price"), {})
    for id in tm.cheapest_controls(MADE.risks, MADE.controls, MADE.appetite).controls:
        panel.boxes[id].value = True
    panel.hand_in("price")
    assert lab.session.attempts("price")[-1].passed


# ---------------------------------------------------------------- a system of one's own


def test_parts_and_zones_of_ones_own_can_be_changed_moved_and_taken_out(opened):
    panel = own(opened())
    editor = panel.editor
    choose(
        panel, "data", its_name="Archive", its_kind="process", its_zone="outside", its_notes="Old.\n\nOpen."
    )
    editor.change()
    assert panel.model.find("data") == tm.Element("data", "Archive", "process", "outside", ("Old.", "Open."))
    panel.picker.part.value = "data"
    assert "Open." in panel.picker.notes.value

    choose(panel, "inside", its_name="Cellar")
    assert editor.its_kind.disabled
    assert editor.its_notes.disabled
    editor.change()
    assert [zone.name for zone in panel.model.zones] == ["Internet", "Cellar"]
    choose(panel, "inside")
    editor.remove()
    assert "this zone still holds Service" in panel.said.value
    choose(panel, "service")
    editor.remove()
    choose(panel, "inside")
    editor.remove()
    assert [zone.id for zone in panel.model.zones] == ["outside"]
    for id in ("user", "data"):
        choose(panel, id)
        editor.remove()
    assert panel.model.elements == ()
    assert "There is no part yet" in panel.picker.notes.value
    panel.memory.flush()
    assert own(opened()).whole == panel.whole


def test_assets_stand_in_drawing_table_gaps_and_file(opened):
    panel = own(opened())
    assert "no asset" in panel.gaps.value
    panel.editor.asset.value, panel.editor.at.value, panel.editor.worth.value = "Orders", "data", 4
    panel.editor.add_asset()
    assert panel.model.assets == (tm.Asset("orders", "Orders", "data", 4),)
    assert "1: Orders, at Data, worth 4 of 5." in panel.diagram.value
    assert tm.IMPACT[4] in panel.flows.value
    assert "lies at Data, and no threat is noted there" in panel.gaps.value
    panel.editor.asset.value, panel.editor.worth.value = "Orders", 5
    panel.editor.add_asset()
    assert [asset.worth for asset in panel.model.assets] == [5]
    choose(panel, "orders")
    panel.editor.remove()
    assert panel.model.assets == ()


def planned(panel: OwnPanel) -> None:
    """Note and rate a threat, buy a control against it, and grow a tree."""
    panel.picker.part.value = "service"
    panel.picker.ticks["T"].value = True
    panel.form.likelihood.value, panel.form.impact.value = 4, 5
    panel.form.owner.value = "Ada"
    plan = panel.plan
    plan.title.value, plan.cost.value, plan.against.value = "Check what comes in", 12, "service/T"
    plan.add()
    plan.budget.value = 20
    plan.boxes["check-what-comes-in"].value = True
    plan.begin()


def test_controls_of_ones_own_have_a_price_a_budget_and_a_residual_risk(opened):
    panel = own(opened())
    planned(panel)
    assert "12 of 20 points spent" in panel.plan.meter.value
    assert "Risk 20 → <strong>4.0</strong>" in panel.plan.meter.value
    assert "The best that this budget buys leaves 4.0, for 12 points" in panel.plan.meter.value
    assert "helps against Tampering at Service" in panel.plan.boxes["check-what-comes-in"].description
    panel.plan.budget.value = 10
    assert "over the budget" in panel.plan.meter.value
    assert "controls for 12 are bought, and the budget is 10" in panel.gaps.value
    panel.memory.flush()
    again = own(opened())
    assert again.whole == panel.whole
    assert again.plan.boxes["check-what-comes-in"].value
    again.plan.remove()
    assert again.model.plan.controls == ()


def test_the_tree_of_ones_own_is_tied_to_its_threats_and_stopped_by_its_controls(opened):
    panel = own(opened())
    planned(panel)
    assert "STEP Tampering at Service | cost 4 | works 0.7 | threat service/T" in panel.plan.outline.value
    assert "every way is stopped" in panel.plan.drawn.value
    panel.plan.boxes["check-what-comes-in"].value = False
    assert "The cheapest attack costs 4 and works 70% of the time" in panel.plan.drawn.value
    kept = panel.model.plan.tree
    panel.plan.outline.value += "\nMAYBE"
    panel.plan.draw()
    assert "line 3" in panel.plan.drawn.value
    assert panel.model.plan.tree == kept
    panel.plan.outline.value = kept
    panel.plan.draw()
    assert "The cheapest attack costs 4" in panel.plan.drawn.value
    panel.plan.begin()
    assert "no threat without a step" in panel.plan.drawn.value


# ---------------------------------------------------------------- evidence


def packed(lab: LabSession) -> dict[str, str]:
    """Add the evidence of the lab to the pack and return the files that lie in it."""
    panel = EvidencePanel(lab)
    panel.keep()
    deadline = time.monotonic() + 20
    pack = EvidencePack(lab.session.evidence_path)
    while "Kept in" not in panel.place.value and time.monotonic() < deadline:
        time.sleep(0.02)
    assert pack.verify() == []
    (entry,) = pack.entries()
    return {each.name: (pack.path / each.path).read_text(encoding="utf-8") for each in entry.artifacts}


def test_the_evidence_pack_holds_threat_model_diagram_and_register(opened):
    lab = opened()
    found, rated = studio(lab), register(lab)
    for row in _key_rows(lab):
        found.picker.part.value = row.target
        found.picker.ticks[row.category].value = True
        rated.form.which.value = f"{row.target}/{row.category}"
        for name, dial in rated.form.dials.items():
            dial.value = getattr(row, name)
    rated.hand_in()
    assert lab.session.attempts("register")[-1].passed
    files = packed(lab)
    assert sorted(files) == ["diagram.svg", "risk-register.csv", "threat-model.json"]

    model = tm.read_model(files["threat-model.json"])
    assert {threat.key for threat in model.threats} == set(TRUTH)
    assert model.assets
    rows = list(csv.DictReader(io.StringIO(files["risk-register.csv"])))
    assert len(rows) == len(TRUTH)
    scores = [int(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert {row["owner"] for row in rows} == {lab.case.owners[2]}
    assert any(row["assets"] for row in rows)
    picture = ET.fromstring(files["diagram.svg"])  # noqa: S314 - our own text
    words = picture.find("{http://www.w3.org/2000/svg}desc").text
    assert all(element.name in words for element in MADE.model.elements)


def test_a_system_of_ones_own_goes_into_the_evidence_pack_once_something_was_drawn(opened):
    lab = opened()
    panel = own(lab)
    assert not [name for name in lab.attachments if name.startswith("own-")]
    planned(panel)
    files = packed(lab)
    assert sorted(files) == [
        *("own-attack-tree.svg", "own-diagram.svg"),
        *("own-risk-register.csv", "own-threat-model.json"),
    ]
    assert tm.read_model(files["own-threat-model.json"]) == panel.whole
    assert json.loads(files["own-threat-model.json"])["plan"]["chosen"] == ["check-what-comes-in"]
    assert "Ada" in files["own-risk-register.csv"]
    ET.fromstring(files["own-attack-tree.svg"])  # noqa: S314 - our own text
