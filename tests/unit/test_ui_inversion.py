"""The panels of the inversion lab: what they show, in words as well, and what they hand in."""

import re

import pytest
import torch

from labkit.course import Session, find_lab
from labkit.ui.inversion.common import describe
from labkit.ui.inversion.gradient import GradientPanel
from labkit.ui.inversion.protect import ProtectPanel
from labkit.ui.inversion.prototype import PrototypePanel
from labkit.ui.session import LabSession


@pytest.fixture
def lab(own_home):
    return LabSession(Session(find_lab("L05"), scenario="digits", learner="ada", seed=4))


def _alts(markup):
    return re.findall(r'alt="([^"]+)"', markup)


def test_a_picture_is_said_in_words():
    x = torch.zeros(3, 9, 9)
    x[0, :3, :3] = 1.0
    assert describe(x).startswith("brightest upper left (0.33), darkest upper centre (0.00), centre red 0.00")


def test_prototypes_are_shown_beside_the_truth_and_handed_in_twice(lab):
    view = PrototypePanel(lab, ("prototypes", "recognised", "black-box"), {"prior": True, "strength": 0.01})
    assert view.pictures.value == ""  # nothing runs before it is asked for
    view.steps.value = 150
    view.hand_in()
    assert {"prototypes", "recognised"} <= lab.session.progress().passed
    alts = _alts(view.pictures.value)
    assert len(alts) == 9
    assert all("brightest" in each for each in alts)
    assert lab.notes["prototypes"]["strength"] == 0.01


def test_a_service_that_says_more_than_that_of_the_scenario_is_not_handed_in(lab):
    view = PrototypePanel(lab, ("prototypes", "recognised", "black-box"), {"access": "probabilities"})
    assert view.steps.disabled
    assert not view.questions.disabled
    view.hand_in()
    assert "Not what this service says" in view.feedback.value
    assert not lab.session.attempts("black-box")


def test_the_intercepted_record_is_handed_in_whatever_the_dials_of_the_experiment_say(lab):
    state = {"method": "divide", "batch_size": 8, "noise": 0.5, "clip": 1.0}
    view = GradientPanel(lab, "gradient", state)
    view.run()
    assert "Mean over 8 records" in view.words.value
    view.hand_in()
    assert "gradient" in lab.session.progress().passed


def test_trials_stay_on_the_chart_and_the_chosen_one_is_judged_three_times(lab):
    view = ProtectPanel(lab, ("shield", "service", "price"), {"clip": 1.0, "noise": 0.4, "batch_size": 32})
    view.hand_in()
    assert "Measure a protection first" in view.feedback.value
    view.measure()
    view.level.value = "label"
    view.measure()
    assert len(view.trials) == 2
    assert "2: C 1, noise 0.4, batch 32, answers label" in view.chart.value
    view.hand_in()
    assert {"shield", "service", "price"} <= lab.session.progress().passed
