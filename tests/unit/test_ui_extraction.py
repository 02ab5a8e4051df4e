"""The panels of the extraction lab: what they show, in words as well, and what they hand in."""

import json
import re

import pytest

from labkit.course import Session, find_lab
from labkit.course.cases.extraction.dispute import truth_of
from labkit.course.cases.extraction.guarding import BARE, Guard, Served
from labkit.course.cases.extraction.thieves import Theft
from labkit.metrics import Rate
from labkit.ui import extraction as panels
from labkit.ui.extraction.common import p_value, within
from labkit.ui.extraction.dispute import METHODS, DisputePanel
from labkit.ui.extraction.equations import EquationsPanel
from labkit.ui.extraction.guard import GuardPanel, Trial, guard_chart
from labkit.ui.extraction.theft import TheftPanel
from labkit.ui.session import LabSession

GOOD = {"level": "flag", "rate_limit": 100, "detector": "both", "false_alarm_rate": 0.005}


@pytest.fixture
def lab(own_home):
    return LabSession(Session(find_lab("L07"), learner="ada", seed=4))


def _widgets(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _widgets(child)


def _alts(markup):
    return re.findall(r'alt="([^"]+)"', markup)


def test_small_p_values_are_written_as_powers_of_ten():
    assert p_value(0.0421) == "0.042"
    assert p_value(3.2e-14) == "3e-14"
    assert within(["a", "b"], "c", "a") == "a"


def test_panels_are_light_and_start_nothing(lab):
    for name in ("equations_panel", "theft_panel", "guard_panel", "dispute_panel"):
        view = getattr(panels, name)(lab)
        assert len(list(_widgets(view))) < 45, name
        shown = "".join(str(getattr(each, "value", "")) for each in _widgets(view))
        assert "<figure" not in shown, name


# ------------------------------------------------------------------ solve


def test_rounding_is_seen_in_the_error_and_every_weight_is_shown(lab):
    panel = EquationsPanel(lab, "exact", {})
    panel.run()
    assert "11 questions for 11 unknowns" in panel.words.value
    assert "e-1" in panel.words.value
    assert "late_payments" in panel.results.value
    panel.rounding.value = "whole points"
    panel.run()
    assert len(panel.tried) == 2
    assert float(panel.tried[1][2]) > 0.05
    panel.model.value, panel.rounding.value = "logistic", "exact"
    panel.run()
    assert "65 questions for 65 unknowns" in panel.words.value
    assert float(panel.tried[2][2]) < 1e-9


def test_the_score_is_handed_in_twice_without_running_out_of_questions(lab):
    panel = EquationsPanel(lab, "exact", {"rounding": "whole points"})
    for _ in range(2):
        panel.hand_in()
        assert "reached" in panel.feedback.value
    assert "exact" in lab.session.progress().passed
    assert json.loads(lab.attachments["exact.json"])["measured"] < 1e-6


# ------------------------------------------------------------------ steal


def test_a_theft_is_put_on_the_chart_and_said(lab):
    panel = TheftPanel(lab, "steal", {"questions": 40, "level": "label"})
    panel.run()
    assert "after 40 questions" in panel.words.value
    assert "random, answers label: 40 questions" in _alts(panel.chart.value)[0]
    assert "copies-tried.csv" in lab.attachments
    panel.hand_in()
    assert "Not what this service says" in panel.feedback.value
    assert "steal" not in lab.session.progress().passed


def test_a_theft_at_the_meter_is_handed_in(lab):
    panel = TheftPanel(lab, "steal", {"questions": 500, "strategy": "mixing"})
    panel.hand_in()
    assert "steal" in lab.session.progress().passed
    kept = json.loads(lab.attachments["steal.json"])
    assert kept["handed_in"]["architecture"] == "mlp"
    assert kept["parameters"]["strategy"] == "mixing"


# ------------------------------------------------------------------ guard


def test_nothing_is_handed_in_before_something_was_tried(lab):
    panel = GuardPanel(lab, ("shield", "price"), {})
    panel.hand_in()
    assert "Try a guard first" in panel.feedback.value
    assert panel.chosen() == Guard(rate_limit=200)


def test_a_guard_is_tried_kept_and_handed_in_at_both_checkpoints(lab):
    panel = GuardPanel(lab, ("shield", "price"), GOOD)
    panel.measure()
    assert "The best thief (" in panel.words.value
    assert "limit 100" in _alts(panel.chart.value)[0]
    assert panel.chart.value.count("accounts") >= 4
    panel.measure()
    assert len(panel.trials) == 1
    panel.hand_in()
    assert {"shield", "price"} <= lab.session.progress().passed
    assert json.loads(lab.attachments["guard.json"])["measured"]["shield"]["passed"]
    assert lab.attachments["guards-tried.csv"].count("\n") == 2


def test_the_chart_tells_apart_by_shape_and_in_words():
    rate = Rate(0.8, 0.78, 0.82, 900)
    days = [Served(Rate(0.9, 0.8, 1.0, 9), Rate(0.0, 0.0, 0.1, 9), rate)]
    days += [Served(Rate(0.8, 0.7, 0.9, 9), Rate(0.3, 0.2, 0.4, 9), rate)]
    thefts = (Theft("one", rate, 50),)
    trials = [Trial(Guard(rate_limit=10 + i), thefts, day, days[0]) for i, day in enumerate(days)]
    picture = guard_chart(trials, stolen_target=0.85, lost_target=0.025)
    assert "refused 30.00%" in picture.alt
    assert "square" in picture.caption
    assert BARE.name in "answers probabilities, limit 1000"


# ------------------------------------------------------------------ dispute


def test_every_kind_of_evidence_says_what_it_found_about_six(lab):
    panel = DisputePanel(lab, "dispute", {})
    for method in METHODS:
        panel.method.value = method
        panel.run()
        assert panel.job._words.value == "", method
        assert panel.picture.value.count('scope="row">Suspect') == 6, method
        assert len(re.findall(r"Suspect [A-F]:", _alts(panel.picture.value)[0])) == 6, method
    assert panel.epsilon.disabled
    panel.method.value = "fingerprint"
    assert not panel.epsilon.disabled


def test_verdicts_are_taken_from_the_test_and_handed_in(lab):
    panel = DisputePanel(lab, "dispute", {"method": "fingerprint"})
    panel.copy()
    assert "Test with keys first" in panel.feedback.value
    panel.hand_in()
    assert "Say something about Suspect A" in panel.feedback.value
    panel.run()
    panel.copy()
    said = [each.value == "stolen" for each in panel.verdicts]
    assert said == list(truth_of(lab.case))
    panel.hand_in()
    assert "dispute" in lab.session.progress().passed
    assert json.loads(lab.attachments["keys.json"])["method"] == "conferrable fingerprint"
    assert len(json.loads(lab.attachments["dispute.json"])["handed_in"]["x_keys"]) == 60


def test_verdicts_without_keys_are_sent_back(lab):
    panel = DisputePanel(lab, "dispute", {f"verdict_{i}": "stolen" for i in range(6)})
    panel.run()  # agreement has no keys
    panel.hand_in()
    assert "needs keys" in panel.feedback.value


def test_dials_stand_as_they_were_left_and_nonsense_is_not_put_back(lab):
    nonsense = {"level": "gossip", "detector": "dog", "false_alarm_rate": 7}
    panel = GuardPanel(lab, ("shield", "price"), nonsense)
    assert panel.chosen() == Guard(rate_limit=200)
    panel = DisputePanel(lab, "dispute", {"method": "dice", "verdict_0": "guilty"})
    assert panel.method.value == "agreement"
    assert panel.verdicts[0].value == ""
