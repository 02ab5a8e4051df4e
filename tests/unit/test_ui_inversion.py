"""The panels of the inversion lab: what they show, in words as well, and what they hand in."""

import csv
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from labkit.attacks.inversion import OBJECTIVES
from labkit.course import Session, find_lab
from labkit.evidence import EvidencePack
from labkit.ui import inversion as panels
from labkit.ui.inversion.common import describe
from labkit.ui.inversion.gradient import GradientPanel
from labkit.ui.inversion.protect import ProtectPanel
from labkit.ui.inversion.prototype import PrototypePanel
from labkit.ui.session import LabSession

CHECKPOINTS = ("prototypes", "recognised", "black-box")
GOOD = {"prior": True, "strength": 0.1, "objective": "softened"}


@pytest.fixture
def lab(own_home):
    return LabSession(Session(find_lab("L05"), scenario="digits", learner="ada", seed=4))


def _alts(markup):
    return re.findall(r'alt="([^"]+)"', markup)


def _drawn(lab, **state):
    view = PrototypePanel(lab, CHECKPOINTS, {**GOOD, **state})
    view.steps.value = 100
    view.run()
    return view


def _picture(lab, name):
    return Image.open(io.BytesIO(lab.attachments[name]))


def test_a_picture_is_said_in_words():
    x = torch.zeros(3, 9, 9)
    x[0, :3, :3] = 1.0
    assert describe(x).startswith("brightest upper left (0.33), darkest upper centre (0.00), centre red 0.00")


# ------------------------------------------------------------------ draw, and recognise


def test_prototypes_are_handed_in_twice_and_kept_with_how_they_were_made(lab):
    view = PrototypePanel(lab, CHECKPOINTS, GOOD)
    assert view.line_ups.view.layout.display == "none"  # nothing runs before it is asked for
    view.steps.value = 150
    view.hand_in()
    assert {"prototypes", "recognised"} <= lab.session.progress().passed
    assert lab.notes["prototypes"]["objective"] == "softened"
    assert _picture(lab, "prototypes.png").size == (3 * 8 * 4, 8 * 4)


def test_each_drawing_is_shown_with_a_line_up_and_nothing_says_who_it_is(lab):
    view = _drawn(lab)
    assert view.pictures.value == ""
    for i, (place, each) in enumerate(zip(view.line_ups.pictures, view.line_ups.line_ups, strict=True)):
        alts = _alts(place.value)
        assert len(alts) == 9
        assert [alt.partition(":")[0] for alt in alts] == [f"Picture {i + 1}", *"ABCDEFGH"]
        assert all("brightest" in alt for alt in alts)
        names = {view.case.class_names[label] for label in each.y.tolist()}
        words = set(re.findall(r"[A-Za-z]{2,}", " ".join(alts)))
        assert not names & words
        assert "right" not in " ".join(re.findall(r'(?:class|id|title|aria-label)="([^"]*)"', place.value))


def test_it_is_revealed_when_all_have_been_picked_and_beside_what_was_picked(lab):
    view = _drawn(lab)
    line_ups = view.line_ups
    line_ups.go.click()
    assert "in every line-up first" in line_ups.words.value
    assert view.pictures.value == ""
    for choice, each in zip(line_ups.choices, line_ups.line_ups, strict=True):
        choice.value = each.right
    line_ups.choices[0].value = (line_ups.line_ups[0].right + 1) % 8
    line_ups.go.click()
    assert "You picked 2 of 3 right" in view.words.value
    assert len(_alts(view.pictures.value)) == 9
    assert view.pictures.value.count("you picked right") == 2
    assert lab.notes["line-up"]["right"] == 2


def test_somebody_who_recognises_nobody_is_told_as_well(lab):
    view = _drawn(lab)
    for choice in view.line_ups.choices:
        choice.value = -2
    view.line_ups.go.click()
    assert "You picked 0 of 3 right" in view.words.value
    assert "you picked nobody" in view.pictures.value


def test_a_new_drawing_is_a_new_question(lab):
    view = _drawn(lab)
    view.line_ups.choices[0].value = 3
    view.objective.value = "logit"
    view.run()
    assert view.line_ups.picks == [-1, -1, -1]
    assert view.line_ups.view.layout.display == ""


def test_every_objective_can_be_chosen_in_the_panel(lab):
    view = PrototypePanel(lab, CHECKPOINTS, {})
    assert {value for _, value in view.objective.options} == set(OBJECTIVES)
    assert view.dials()["objective"] == "cross_entropy"


# ------------------------------------------------------------------ ask


def test_a_service_that_says_more_than_that_of_the_scenario_is_not_handed_in(lab):
    view = PrototypePanel(lab, CHECKPOINTS, {"access": "probabilities"})
    assert view.steps.disabled
    assert view.objective.disabled
    assert not view.questions.disabled
    view.hand_in()
    assert "Not what this service says" in view.feedback.value
    assert not lab.session.attempts("black-box")


def test_more_questions_than_are_allowed_are_not_asked_of_the_metered_service(lab):
    view = PrototypePanel(lab, CHECKPOINTS, {"access": "hundredths", "questions": 400})
    view.hand_in()
    assert "More questions than are allowed" in view.feedback.value
    assert lab.case.account.asked == 0


def test_what_is_asked_in_the_panel_is_counted_by_the_meter_at_the_hand_in(lab):
    view = PrototypePanel(lab, CHECKPOINTS, {"access": "hundredths", "questions": 300})
    view.run()
    assert lab.case.account.asked == 0  # trying out is free
    view.hand_in()
    assert "black-box" in lab.session.progress().passed
    assert "900 questions" in view.feedback.value
    assert "black-box.png" in lab.attachments


def test_a_search_that_was_stopped_does_not_use_up_the_next_one(lab):
    lab.case.account.charge(500)
    view = PrototypePanel(lab, CHECKPOINTS, {"access": "hundredths", "questions": 300})
    view.hand_in()
    assert "black-box" in lab.session.progress().passed


# ------------------------------------------------------------------ updates


def test_the_intercepted_record_is_handed_in_whatever_the_dials_of_the_experiment_say(lab):
    state = {"method": "divide", "batch_size": 8, "noise": 0.5, "clip": 1.0}
    view = GradientPanel(lab, ("gradient", "company"), state)
    view.run()
    assert "Mean over 8 records" in view.words.value
    assert "guessed pictures" in view.words.value
    view.hand_in()
    assert "gradient" in lab.session.progress().passed
    assert _picture(lab, "gradient.png").size == (8 * 4, 8 * 4)


def test_four_records_are_searched_for_and_not_divided(lab):
    view = GradientPanel(lab, ("gradient", "company"), {"method": "divide"})
    view.hand_in_four()
    assert "company" not in lab.session.progress().passed
    assert "mixture" in view.feedback.value
    view.method.value = "search"
    view.hand_in_four()
    assert "company" in lab.session.progress().passed
    assert len(_alts(view.pictures.value)) == 8
    assert {"method": "search", "batch_size": 4, "steps": 80}.items() <= lab.notes["company"].items()


# ------------------------------------------------------------------ protection, and what is kept


def test_trials_stay_on_the_chart_and_the_chosen_one_is_judged_three_times(lab):
    view = ProtectPanel(lab, ("shield", "service", "price"), {"clip": 1.0, "noise": 0.8, "batch_size": 128})
    view.hand_in()
    assert "Measure a protection first" in view.feedback.value
    view.measure()
    view.level.value = "flag"
    view.measure()
    assert len(view.trials) == 2
    assert "2: C 1, noise 0.8, batch 128, answers flag" in view.chart.value
    assert "of the desk" in view.chart.value
    view.hand_in()
    assert {"shield", "service", "price"} <= lab.session.progress().passed

    rows = list(csv.DictReader(io.StringIO(lab.attachments["protections-tried.csv"])))
    assert [row["Protection"] for row in rows] == [trial.name for trial in view.trials]
    assert {"Leak of updates", "Right answers kept", "Mistakes found in review"} <= set(rows[0])
    kept = json.loads(lab.attachments["protection.json"])
    assert kept["updates"] == {"clip": 1.0, "noise_multiplier": 0.8, "batch_size": 128}
    assert kept["answers"] == "flag"
    assert all(each["passed"] for each in kept["measured"].values())
    assert set(kept["measured"]) == {"shield", "service", "price"}


def test_what_was_made_by_hand_reaches_the_evidence_pack(lab):
    x_hat = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    panels.keep_pictures(lab, "prototypes", x_hat, {"by": "draw()", "steps": 150})
    panels.keep_protection(lab, {"clip": 1.0}, "flag")
    files = {k: v.encode() if isinstance(v, str) else v for k, v in lab.attachments.items()}
    lab.session.add_evidence(data={"parameters": lab.notes}, artifacts=files)

    pack = EvidencePack(lab.session.evidence_path)
    (entry,) = pack.entries()
    assert entry.facts["parameters"]["prototypes"]["steps"] == 150
    assert {each.name for each in entry.artifacts} == {"prototypes.png", "protection.json"}
    shown = _picture(lab, "prototypes.png").resize((24, 8), Image.Resampling.BOX)
    first = torch.from_numpy(np.asarray(shown)[:, :8].copy()) / 255
    assert torch.allclose(first, x_hat[0, 0], atol=0.01)
