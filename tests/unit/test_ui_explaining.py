"""The panels of the lab about explanations: what they show, in words as well, and what they hand in."""

import json
import re

import pytest

from labkit.core import predict
from labkit.course import Session, find_lab
from labkit.course.cases.explaining.notes import right_note
from labkit.ui import explaining as panels
from labkit.ui.explaining.applicant import ApplicantPanel
from labkit.ui.explaining.audit import AuditPanel
from labkit.ui.explaining.common import bars, in_words
from labkit.ui.explaining.explain import ExplainPanel
from labkit.ui.explaining.note import NotePanel
from labkit.ui.explaining.scaffold import ScaffoldPanel
from labkit.ui.session import LabSession

GOOD = {"test": "flips", "records": "files", "count": 250, "moved": "group", "threshold": 0.02}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """One participant for the whole module: making a case takes longer than looking at it."""
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("home")
    from tests.conftest import HOME

    (HOME / "cache").mkdir(parents=True, exist_ok=True)
    (home / "cache").symlink_to(HOME / "cache", target_is_directory=True)
    patch.setenv("LABKIT_HOME", str(home))
    yield LabSession(Session(find_lab("L08"), scenario="loans", learner="ada", seed=4))
    patch.undo()


def _text(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).strip()


# ------------------------------------------------------------------ explain


def test_nothing_is_asked_before_somebody_presses_and_then_the_group_is_counted(page):
    view = ExplainPanel(page, "explain", {})
    assert view.picture.value == ""
    view.background.value = "applicants"
    view.run()
    assert "8 of 8 explanations name the group first" in _text(view.words.value)
    picture = view.picture.value
    assert picture.count("<rect") == 10
    label = re.search(r'<svg[^>]*aria-label="([^"]+)"', picture)[1]
    assert label.startswith("Applicant 1, what each column adds: most by")
    assert "The same as a table" in picture
    view.applicant.value = 5
    assert "Applicant 6" in view.picture.value


def test_the_product_is_explained_without_the_group(page):
    view = ExplainPanel(page, "explain", {"model": "product", "background": "average", "explainer": "lime"})
    view.run()
    assert "0 of 8 explanations name the group first" in _text(view.words.value)


def test_permutation_is_about_the_whole_model(page):
    view = ExplainPanel(page, "explain", {"explainer": "permutation"})
    view.run()
    assert "changes most decisions" in _text(view.words.value)
    view.audit()
    assert "nothing about one applicant" in view.sound.value


def test_soundness_is_a_table_of_four_with_what_good_is(page):
    view = ExplainPanel(page, "explain", {"background": "average"})
    view.audit()
    words = _text(view.sound.value)
    for name in ("Completeness", "Deletion", "Insertion", "Stability"):
        assert name in words
    assert "off by 0.00" in words


def test_a_scaffold_that_was_not_built_is_said_to_be_none(page):
    page.shelf.pop("scaffold", None)
    view = ExplainPanel(page, "explain", {"model": "own", "background": "average"})
    view.run()
    assert "You have built none yet" in _text(view.words.value)


def test_the_explanation_against_nobody_fails_and_against_applicants_passes(page):
    view = ExplainPanel(page, "explain", {})
    view.hand_in()
    assert "not reached yet" in _text(view.feedback.value)
    view.background.value = "applicants"
    view.hand_in()
    assert "explain" in page.session.progress().passed
    assert page.notes["explain"]["background"] == "applicants"


# ------------------------------------------------------------------ scaffold


def test_each_scaffold_stays_in_the_table_beside_the_open_model(page):
    view = ScaffoldPanel(page, "scaffold", {"prepared_for": "both", "copies": 4, "threshold": 0.65})
    view.run()
    words = _text(view.results.value)
    assert "the biased model, open" in words
    assert "for both, above 0.65" in words
    assert "enough" in words
    assert page.shelf["scaffold"] is not None
    view.threshold.value = 0.1
    view.run()
    assert "noticed" in _text(view.results.value)
    assert view.results.value.count("for both") == 2


def test_a_scaffold_is_handed_in_by_its_settings(page):
    view = ScaffoldPanel(page, "scaffold", {"prepared_for": "both", "copies": 4, "threshold": 0.65})
    view.hand_in()
    assert "scaffold" in page.session.progress().passed
    assert json.loads(page.attachments["scaffold.json"])["handed_in"]["settings"]["prepared_for"] == "both"


# ------------------------------------------------------------------ applicant


def test_the_other_group_changes_one_value_and_the_decision_of_a_witness(page):
    view = ApplicantPanel(page, {})
    view.search()
    view.other_group()
    assert "The decision is another one" in _text(view.words.value)
    assert view.shown.value.count("as filed") == 9
    view.reset()
    assert view.shown.value.count("as filed") == 10
    assert view.words.value == ""


def test_a_value_outside_its_column_is_moved_to_the_edge_and_said(page):
    view = ApplicantPanel(page, {"file": 3})
    view.column.value, view.value.value = 8, 40.0
    view.change()
    assert "from 0 to 12, so it is 12 now" in _text(view.words.value)
    assert in_words(view.now)[8] == "12"


def test_the_nearest_way_changes_only_what_an_applicant_can_change(page):
    view = ApplicantPanel(page, {})
    refused = (predict(page.case.product, page.case.files.x) == 0).nonzero().flatten()[:4].tolist()
    for file in refused:
        view.file.value = float(file)
        view.nearest()
        changed = (view.now != view.filed).nonzero().flatten().tolist()
        assert {page.case.features[i] for i in changed} <= {"savings", "debts", "late_payments", "amount"}
        assert ("get a loan" in view.words.value) == bool(changed)


# ------------------------------------------------------------------ audit


def test_the_usual_recipe_leaves_everybody_alone_and_the_right_one_is_right(page):
    view = AuditPanel(page, ("audit", "price"), {})
    view.run()
    assert "2 of 4 verdicts are right; 0 files were opened" in _text(view.results.value)
    for name, value in GOOD.items():
        view.dials[name].value = value
    view.run()
    assert "4 of 4 verdicts are right; 250 files were opened" in _text(view.results.value)
    assert view.recipe() == {**GOOD, "explainer": "shap", "background": "average"}
    for which, checkpoint in enumerate(("audit", "price")):
        view.hand_in(which)
        assert checkpoint in page.session.progress().passed, _text(view.feedback.value)


def test_dials_that_a_test_does_not_look_at_are_not_shown(page):
    view = AuditPanel(page, ("audit", "price"), {"test": "flips"})
    shown = {name: dial.layout.display != "none" for name, dial in view.dials.items()}
    assert shown["moved"]
    assert not shown["explainer"]
    view.dials["test"].value = "named"
    assert view.dials["moved"].layout.display == "none"
    assert view.dials["explainer"].layout.display == ""


def test_a_recipe_that_cannot_be_run_is_said_in_words(page):
    view = AuditPanel(page, ("audit", "price"), {"test": "flips", "records": "made up"})
    view.run()
    assert "nothing caused a row that was made up" in view.job._words.value


# ------------------------------------------------------------------ note


def test_an_empty_note_is_refused_and_each_answer_says_what_it_means(page):
    view = NotePanel(page, "note", {"group": "unused"})
    assert "The note as it reads" in _text(view.shown.value)
    assert "On real files it changes decisions" not in _text(view.shown.value)
    view.fields["group"].value = ""
    view.hand_in()
    assert "7 of 7 questions are not answered" in _text(view.feedback.value)
    view.fields["group"].value = "unused"
    assert "On real files it changes decisions" in _text(view.shown.value)


def test_a_note_with_what_was_measured_passes_and_goes_into_the_pack(page):
    view = NotePanel(page, "note", right_note())
    view.measure()
    share = re.search(r"alone in ([\d.]+)%", _text(view.measured.value))[1]
    finder = ApplicantPanel(page, {})
    finder.search()
    view.share.value, view.witness.value = float(share), finder.file.value
    view.hand_in()
    assert "note" in page.session.progress().passed, _text(view.feedback.value)
    page.evidence()
    record = json.loads(page.attachments["note.json"])
    assert record["handed_in"]["note"]["witness"] == int(finder.file.value)
    assert record["passed"]


def test_every_state_of_the_demo_draws_its_panel_at_once(page):
    assert {demo.panel for demo in page.lab.demo} <= set(panels.__all__)
    for demo in page.lab.demo:
        lab = LabSession(page.session, demo=demo)
        drawn = "".join(_values(getattr(panels, demo.panel)(lab)))
        assert "<table" in drawn, demo.title
        assert "did not work" not in drawn, demo.title


def _values(widget):
    if isinstance(value := getattr(widget, "value", None), str):
        yield value
    for child in getattr(widget, "children", ()):
        yield from _values(child)


def test_bars_that_say_nothing_say_so():
    import torch

    words = bars(torch.zeros(3), ["a", "b", "c"], title="All", unit="log-odds")
    assert "no column adds anything" in words
    assert bars(torch.tensor([1.0, -2.0]), ["a<", "b"], title="All", unit="x").count("&lt;") >= 2
