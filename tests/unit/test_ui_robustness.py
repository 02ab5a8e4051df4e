"""Panels of the robustness lab without a front end: every control does what it says, on a real case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.course.cases.robustness.judging import left_of_run
from labkit.course.cases.robustness.records import handed_in_again
from labkit.course.cases.robustness.statements import verdict_on
from labkit.course.measuring import measure
from labkit.ui.evidence import EvidencePanel
from labkit.ui.robustness.certificate import CertificatePanel
from labkit.ui.robustness.claims import ClaimsPanel
from labkit.ui.robustness.collapse import CollapsePanel
from labkit.ui.robustness.statement import StatementPanel
from labkit.ui.robustness.training import METHODS, TrainingPanel
from labkit.ui.session import LabSession
from tests.conftest import HOME

_CHECKPOINTS = {
    "training_panel": "robust",
    "collapse_panel": "collapse",
    "certificate_panel": "certificate",
    "claims_panel": "claims",
}
TROUBLE = ("Something unexpected", "That did not work")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    with pytest.MonkeyPatch.context() as patch, threads():
        home = tmp_path_factory.mktemp("home")
        (HOME / "cache").mkdir(parents=True, exist_ok=True)
        (home / "cache").symlink_to(HOME / "cache", target_is_directory=True)
        patch.setenv("LABKIT_HOME", str(home))
        patch.setenv("LABKIT_SEED", "3")
        declared = read_lab(
            content_dir("notebooks") / "L03-robust-training-and-certification", references=False
        )
        yield LabSession(Session(declared, scenario="digits", learner="test"))


def widgets(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets(child)


def texts(widget: Any) -> str:
    own = str(getattr(widget, "value", ""))
    return own + "".join(texts(child) for child in getattr(widget, "children", ()))


def assert_no_trouble(view: Any) -> None:
    shown = texts(view)
    assert not [words for words in TROUBLE if words in shown], shown[:2000]


def test_panels_are_light(lab: LabSession) -> None:
    """Twenty open the lab at once, and a panel costs what its widgets cost."""
    for kind, checkpoint in (
        (TrainingPanel, "robust"),
        (CollapsePanel, "collapse"),
        (CertificatePanel, "certificate"),
        (ClaimsPanel, "claims"),
        (StatementPanel, "statement"),
    ):
        assert len(list(widgets(kind(lab, checkpoint, {}).view))) < 45, kind.__name__


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_trains_a_network_onto_the_chart_and_draws_its_epochs(
    lab: LabSession, method: str
) -> None:
    panel = TrainingPanel(lab, "robust", {"method": method, "epsilon": 0.1, "epochs": 2})
    panel.train()
    assert "2: " in panel.chart.value
    assert "accuracy over the epochs" in panel.curve.value
    assert len(panel.trials) == 2
    assert panel.steps.disabled is (method not in ("pgd", "trades"))
    assert panel.beta.disabled is (method != "trades")
    assert_no_trouble(panel.view)


def test_dials_that_are_out_of_range_are_moved_to_the_edge(lab: LabSession) -> None:
    panel = TrainingPanel(lab, "robust", {"method": "magic", "epsilon": 9.0, "steps": 99})
    assert (panel.method.value, panel.epsilon.value, panel.steps.value) == ("pgd", 0.4, 10)


def test_the_reader_in_use_is_handed_in_and_told_why_it_falls(lab: LabSession) -> None:
    panel = TrainingPanel(lab, "robust", {})
    panel.hand_in()
    assert "PGD leaves" in panel.feedback.value
    assert_no_trouble(panel.view)


def test_the_contractors_networks_are_attacked_and_judged(lab: LabSession) -> None:
    panel = CollapsePanel(lab, "collapse", {"steps": 20})
    assert panel.overview.value.count("not attacked yet") == 8
    panel.hand_in()
    assert "Say something about network A, B, C, D" in panel.feedback.value
    panel.attack()
    assert "yours, PGD 20" in panel.chart.value
    assert panel.overview.value.count("not attacked yet") == 6
    for i in range(4):
        one, robust = left_of_run(lab.case, i)
        panel.verdicts[i].value = "collapsed" if robust < 0.75 * one else "sound"
        panel.figures[i].value = round(robust, 2)
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert_no_trouble(panel.view)


def test_a_certificate_is_drawn_with_intervals_beside_it(lab: LabSession) -> None:
    panel = CertificatePanel(lab, "certificate", {"noise_std": 0.25, "copies": 300, "intervals": True})
    panel.certify()
    assert "smoothing, noise 0.25, N 300" in panel.chart.value
    assert "no chance in it" in panel.chart.value
    panel.intervals.value = False
    panel.certify()
    assert "no chance in it" not in panel.chart.value
    assert_no_trouble(panel.view)


def test_shares_are_looked_up_and_claims_are_answered(lab: LabSession) -> None:
    panel = ClaimsPanel(lab, "claims", {})
    made = lab.case.certificates["smoothing"]
    panel.radius.value = 0.25
    assert f"{int(made.holds(lab.case.y, 0.25).sum())} inputs are certified" in panel.looked_up.value
    panel.shown.value = "intervals"
    assert "every pixel" in panel.looked_up.value
    panel.hand_in()
    assert "Say something about claim 1, 2, 3" in panel.feedback.value
    for answer, claim in zip(panel.answers, lab.case.claims, strict=True):
        answer.value = verdict_on(claim, lab.case.certificates, lab.case.y)
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert_no_trouble(panel.view)


def test_a_statement_needs_two_networks(lab: LabSession) -> None:
    lab.shelf.clear()
    panel = StatementPanel(lab, "statement", {})
    panel.measure()
    assert "A statement is about two networks" in panel.feedback.value
    panel.hand_in()
    assert "A statement is about two networks" in panel.feedback.value


def test_the_way_from_training_to_a_signed_statement(lab: LabSession) -> None:
    lab.shelf.clear()
    training = TrainingPanel(lab, "robust", {"method": "fast", "epsilon": 0.15, "epochs": 24})
    training.train()
    training.hand_in()
    assert "reached" in training.feedback.value
    certificate = CertificatePanel(
        lab, "certificate", {"training_noise": 0.25, "noise_std": 0.25, "copies": 1000}
    )
    certificate.train_now()
    assert certificate.pick.label.endswith("trained under noise 0.25")
    certificate.hand_in()
    assert "reached" in certificate.feedback.value
    panel = StatementPanel(lab, "statement", {})
    panel.measure()
    assert "Lower end" in panel.found.value
    hardened, smoothed, settings = panel._networks()
    measured = panel._measure(hardened, smoothed, settings, lambda *_: None)
    for name, rate in measured.items():
        panel.figures[name].value = round(rate.low, 3)
    panel.figures["reach"].value = 0.03125
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert_no_trouble(panel.view)

    EvidencePanel(lab).keep()
    (path, *_) = sorted(lab.session.evidence_path.rglob("*statement.json"), reverse=True)
    record = json.loads(path.read_text(encoding="utf-8"))
    again = measure(
        lab.lab, lab.lab.find_checkpoint("statement"), lab.case, handed_in_again(lab.case, record)
    )
    assert record["passed"]
    assert again.measured == record["measured"] == 1
    (page, *_) = sorted(lab.session.evidence_path.rglob("*robustness-statement.md"), reverse=True)
    assert "every line stands" in page.read_text(encoding="utf-8")


def test_a_network_that_is_trained_in_one_panel_can_be_certified_in_another(lab: LabSession) -> None:
    certificate = CertificatePanel(lab, "certificate", {})
    before = len(certificate.networks)
    training = TrainingPanel(lab, "robust", {"method": "fast", "epsilon": 0.1, "epochs": 1})
    training.train()
    assert len(certificate.networks) == before + 1
    assert certificate.pick.value == 0


@pytest.mark.parametrize(
    ("kind", "panel", "words"),
    [
        (TrainingPanel, "training_panel", "accuracy over the epochs"),
        (CollapsePanel, "collapse_panel", "yours, PGD 40"),
        (CertificatePanel, "certificate_panel", "Certified accuracy against"),
        (ClaimsPanel, "claims_panel", "Within 0.25 (L2)"),
    ],
)
def test_the_live_demo_shows_its_state_at_once(lab: LabSession, kind: Any, panel: str, words: str) -> None:
    demo = next(each for each in lab.lab.demo if each.panel == panel)
    made = kind(LabSession(lab.session, demo), _CHECKPOINTS[panel], demo.state)
    assert words in texts(made.view)
    assert_no_trouble(made.view)
