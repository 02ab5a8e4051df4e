"""Panels without a front end: every button does what it says, on a real case of the digits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from labkit.core import InvalidInputError
from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.ui.evasion.attack_panel import AttackRange
from labkit.ui.evasion.black_box import BlackBoxRange
from labkit.ui.evasion.defend import DefendPanel
from labkit.ui.evasion.explain import ExplainPanel
from labkit.ui.evasion.report import ReportPanel
from labkit.ui.evasion.unmask import UnmaskPanel
from labkit.ui.evasion.views import ConfusionPanel, CurvePanel, LandscapePanel
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

TROUBLE = ("Something unexpected", "That did not work")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    with pytest.MonkeyPatch.context() as patch, threads():
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("LABKIT_SEED", "3")
        declared = read_lab(content_dir("notebooks") / "L02-evasion-range", references=False)
        session = Session(declared, scenario="digits", learner="test")
        lab = LabSession(session)
        assert lab.case.victim.classes == 10
        yield lab


def texts(widget: Any) -> str:
    """Return everything that a widget and its children show."""
    own = str(getattr(widget, "value", ""))
    return own + "".join(texts(child) for child in getattr(widget, "children", ()))


def assert_no_trouble(view: Any) -> None:
    shown = texts(view)
    assert not [words for words in TROUBLE if words in shown], shown[:2000]


def test_the_range_shows_eight_pictures_and_counts_the_misread_ones(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"attack": "pgd", "epsilon": 0.3, "steps": 20})
    assert panel.strip.value.count("<figure>") == 8
    assert "pictures that were read correctly are misread now" in panel.status.value
    assert "misread" in panel.strip.value
    assert_no_trouble(panel.view)


def test_moving_the_slider_is_answered_by_another_figure(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"attack": "pgd", "steps": 10})
    shown = []
    for epsilon in (0.05, 0.1, 0.15):
        panel.epsilon.value = epsilon
        shown.append(panel.strip.value)
        assert_no_trouble(panel.view)
    assert len(set(shown)) == 3


def test_with_nothing_allowed_nothing_changes(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"epsilon": 0.0})
    assert "no pixel changed" in panel.strip.value
    assert panel.status.value.startswith('<div class="lk" role="status"><strong>0 of')


def test_every_access_has_an_attack_that_runs(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"epsilon": 0.2})
    for access in ("transfer", "scores", "label", "white-box"):
        panel.access.value = access
        assert_no_trouble(panel.view)
        assert panel.strip.value.count("<figure>") == 8
    assert panel.asked > 0
    panel.access.value = "scores"
    assert "Questions asked so far" in panel.status.value


def test_a_target_class_and_the_other_norm_can_be_chosen(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"attack": "pgd", "epsilon": 0.3, "steps": 20})
    panel.target.value = 3
    assert "are read as 3" in panel.status.value
    panel.norm.value = "l2"
    assert panel.epsilon.max > 1
    panel.next_page()
    assert_no_trouble(panel.view)


def test_handing_in_a_strong_attack_reaches_the_white_box_checkpoint(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"attack": "pgd", "epsilon": 0.15, "steps": 40})
    panel.submit.click()
    assert "reached" in panel.feedback.value
    assert "Attack success rate" in panel.rates.value
    assert lab.session.attempts("white-box")[-1].passed
    assert lab.notes["white-box"]["attack"] == "pgd"
    assert_no_trouble(panel.view)


def test_a_prepared_state_sets_the_dials(lab: LabSession) -> None:
    panel = AttackRange(lab, "white-box", {"attack": "random noise", "epsilon": 0.075})
    assert (panel.attack.value, panel.epsilon.value) == ("random_noise", 0.075)
    assert panel.steps.disabled


def test_asking_fills_the_table_and_reaches_the_black_box_checkpoint(lab: LabSession) -> None:
    panel = BlackBoxRange(lab, "black-box", {"epsilon": 0.15, "query_budget": 500})
    assert panel.counter.value.count("not asked yet") == 10
    panel.go.click()
    assert "not asked yet" not in panel.counter.value
    assert int(panel.queries.max()) <= 500
    panel.submit.click()
    assert lab.session.attempts("black-box")[-1].passed, panel.feedback.value
    assert_no_trouble(panel.view)


def test_the_secure_model_is_unmasked_by_running_tests_and_reporting(lab: LabSession) -> None:
    panel = UnmaskPanel(lab, "unmask", {"probes": ["noise", "naive", "bpda", "large"]})
    assert "our patented filter keeps" in panel.claim.value
    panel.both.click()
    assert "First run the substitute and BPDA" in panel.estimates.value
    panel.go.click()
    assert panel.estimates.value.count("<tr>") == 5
    panel.both.click()
    panel.report.value = panel.found["together"][1].value
    panel.submit.click()
    assert lab.session.attempts("unmask")[-1].passed, panel.feedback.value
    assert_no_trouble(panel.view)


def test_a_short_training_appears_on_the_chart_and_can_be_handed_in(lab: LabSession) -> None:
    panel = DefendPanel(lab, ("harden", "price"), {"epsilon": 0.15, "steps": 1, "epochs": 1})
    panel.go.click()
    assert len(panel.trials) == 2
    assert "Clean against robust accuracy" in panel.chart.value
    panel.submit.click()
    assert panel.feedback.value.count("Measured") >= 2
    assert lab.shelf["hardened"] is panel.trials[1][1]
    assert_no_trouble(panel.view)


def test_views_draw_pictures_with_text_alternatives(lab: LabSession) -> None:
    for panel in (LandscapePanel(lab, {}), ConfusionPanel(lab, {}), CurvePanel(lab, {"attack": "fgsm"})):
        if isinstance(panel, CurvePanel):
            panel.go.click()
        assert 'alt="' in panel.picture.value
        assert_no_trouble(panel.view)


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion", "grad_cam"])
def test_explanations_compare_a_clean_picture_with_its_twin(lab: LabSession, method: str) -> None:
    panel = ExplainPanel(lab, {"method": method})
    assert panel.picture.value.count("<figure>") == 2
    assert "ompleteness" in panel.picture.value
    assert_no_trouble(panel.view)


def test_the_report_panel_measures_before_it_asks(lab: LabSession) -> None:
    panel = ReportPanel(lab, "unmask")
    panel.go.click()
    assert "95 % interval" in panel.found.value
    assert_no_trouble(panel.view)


def test_work_that_fails_ends_in_a_message_and_frees_the_button(lab: LabSession, caplog: Any) -> None:
    from labkit.ui.controls import button

    go = button("Go", lambda: None)
    job = Job(go)

    def ours(_: Progress) -> None:
        raise InvalidInputError("expected <three>, got four")

    def theirs(_: Progress) -> None:
        raise ZeroDivisionError("division by zero")

    job.start(ours, lambda _: None)
    assert "expected &lt;three&gt;, got four" in texts(job.view)
    assert not caplog.records
    job.start(theirs, lambda _: None)
    assert "Something unexpected" in texts(job.view)
    assert "Traceback" not in texts(job.view)
    assert caplog.records[-1].exc_info
    assert not go.disabled
    assert not job.running


def test_work_stops_at_its_next_sign_of_progress() -> None:
    seen = []

    def work(progress: Progress) -> None:
        for i in range(10):
            progress(i, 10, "Turns")
            seen.append(i)
            if i == 2:
                job.stop()

    job = Job()
    job.start(work, lambda _: None)
    assert seen == [0, 1, 2]
    assert "Stopped before it was done" in texts(job.view)


def test_an_input_of_the_wrong_shape_gets_an_explanation_not_a_traceback(lab: LabSession) -> None:
    card = lab.check("white-box", x_adv=torch.zeros(1, 2))
    assert "That did not work" in card.markup
    assert "shape" in repr(card)


def test_every_widget_that_takes_input_has_a_name(lab: LabSession) -> None:
    panels: list[Any] = [
        AttackRange(lab, "white-box", {}),
        BlackBoxRange(lab, "black-box", {}),
        UnmaskPanel(lab, "unmask", {}),
        DefendPanel(lab, ("harden", "price"), {}),
        ExplainPanel(lab, {}),
        LandscapePanel(lab, {}),
        CurvePanel(lab, {}),
        ConfusionPanel(lab, {}),
    ]

    def walk(widget: Any) -> Iterator[Any]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    for panel in panels:
        for widget in walk(panel.view):
            kind = type(widget).__name__
            if kind in ("Button", "FloatSlider", "IntSlider", "Dropdown", "ToggleButtons", "Checkbox"):
                assert widget.description, kind


def test_the_evidence_panel_writes_the_pack(lab: LabSession, tmp_path: Path) -> None:
    from labkit.ui.evidence import EvidencePanel

    panel = EvidencePanel(lab)
    panel.add.click()
    assert_no_trouble(panel.view)
    assert "Kept in" in panel.place.value
