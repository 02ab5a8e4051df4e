"""Panels of the membership lab without a front end: every control does what it says, on a real case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.course.cases.membership import bank
from labkit.course.cases.membership.statement import FIELDS
from labkit.metrics import OverSplits, membership_roc
from labkit.ui.evidence import EvidencePanel
from labkit.ui.membership.attack import ATTACKS, AttackPanel
from labkit.ui.membership.audit import AuditPanel
from labkit.ui.membership.charts import Tried, budget_chart, heaps, roc_chart
from labkit.ui.membership.deploy import DeployPanel
from labkit.ui.membership.overfit import OverfitPanel
from labkit.ui.membership.statement import StatementPanel
from labkit.ui.session import LabSession

TROUBLE = ("Something unexpected", "That did not work")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    with pytest.MonkeyPatch.context() as patch, threads():
        patch.setenv("LABKIT_SEED", "3")
        declared = read_lab(
            content_dir("notebooks") / "L06-membership-and-differential-privacy", references=False
        )
        bank.shadows_of(declared.find_scenario("digits"))  # those of this machine are remembered ...
        bank.practice_of(declared.find_scenario("digits"))
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("home")))  # ... when its home is another one
        lab = LabSession(Session(declared, scenario="digits", learner="test"))
        assert len(lab.case.x) == 600
        yield lab


def texts(widget: Any) -> str:
    own = str(getattr(widget, "value", ""))
    return own + "".join(texts(child) for child in getattr(widget, "children", ()))


def assert_no_trouble(view: Any) -> None:
    shown = texts(view)
    assert not [words for words in TROUBLE if words in shown], shown[:2000]


def test_the_overfit_panel_compares_trainings(lab: LabSession) -> None:
    panel = OverfitPanel(lab, {"records": 100, "epochs": 10})
    panel.run()
    panel.wrong.value = 0.4
    panel.epochs.value = 50
    panel.run()
    assert_no_trouble(panel.view)
    assert len(panel.lines) == 2
    assert "100 forms, 50 epochs, 40% wrong labels" in panel.words.value
    assert 'alt="How sure one model is' in panel.picture.value


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_can_be_rehearsed(lab: LabSession, attack: str) -> None:
    panel = AttackPanel(lab, "attack", {"attack": attack, "shadows": 8})
    panel.rehearse()
    assert_no_trouble(panel.view)
    assert "members found at 1 % false alarms" in panel.words.value
    assert ("8 shadows" in panel.words.value) == (attack in ("shadow", "lira_offline", "lira"))


def test_scores_are_handed_in_from_the_panel(lab: LabSession) -> None:
    panel = AttackPanel(lab, "attack", {"attack": "lira", "shadows": 32})
    panel.hand_in()
    assert_no_trouble(panel.view)
    assert "attack" in lab.session.progress().passed
    assert lab.notes["attack"]["shadows"] == 32


def test_the_budget_is_live_and_needs_no_training(lab: LabSession) -> None:
    panel = DeployPanel(lab, ("deploy", "price"), {})
    assert "no bound" in panel.budget.value
    panel.clip.value, panel.noise.value = 1.0, 2.8
    assert "epsilon 3.86 at delta 0.0001, within 4" in panel.budget.value
    panel.noise.value = 1.0
    assert "more than the 4 that are signed" in panel.budget.value
    panel.rate.value, panel.epochs.value = 0.05, 100
    assert "at most 600 steps" in panel.budget.value
    panel.measure()
    assert "at most 600 steps" in panel.feedback.value
    assert panel.trials == []


def test_a_deployment_is_chosen_among_trials_judged_and_stated(lab: LabSession) -> None:
    panel = DeployPanel(lab, ("deploy", "price"), {})
    panel.hand_in()
    assert "Train a reader first" in panel.feedback.value
    panel.clip.value, panel.noise.value, panel.records.value = 1.0, 2.8, 1100
    panel.measure()
    panel.records.value = 100
    panel.measure()
    panel.pick.value = 0
    panel.hand_in()
    assert_no_trouble(panel.view)
    assert {"deploy", "price"} <= lab.session.progress().passed
    assert "deployments-tried.csv" in lab.attachments

    said = StatementPanel(lab, "statement", {})
    assert "records 1100" in said.about.value
    said.hand_in()
    assert "Still open: What is protected" in said.feedback.value
    for field in FIELDS:
        said.lines[field.key].value = next(each.key for each in field.choices if each.right)
    said.epsilon.value = 1.0
    said.hand_in()
    assert "promises more than the settings keep" in said.feedback.value
    said.epsilon.value = 3.86
    said.hand_in()
    assert "statement" in lab.session.progress().passed
    assert "* What is protected: one form" in lab.attachments["privacy-statement.md"]


def test_a_statement_needs_a_deployment(lab: LabSession) -> None:
    bare = LabSession(lab.session)
    panel = StatementPanel(bare, "statement", {})
    assert "Hand in a deployment above first" in panel.about.value
    panel.hand_in()
    assert "Still open: a deployment" in panel.feedback.value


def test_practice_then_guesses(lab: LabSession) -> None:
    panel = AuditPanel(lab, "audit", {})
    panel.practise()
    panel.how.value, panel.guesses.value = "against practice", 80
    panel.practise()
    assert len(panel.lines) == 2
    panel.hand_in()
    assert_no_trouble(panel.view)
    assert "audit" in lab.session.progress().passed
    for vendor in lab.case.vendors:
        assert vendor.name in panel.findings.value
    assert "refuted" in panel.findings.value
    assert "stands" in panel.findings.value


def test_the_evidence_holds_what_was_handed_in(lab: LabSession) -> None:
    AttackPanel(lab, "attack", {"attack": "loss"}).hand_in()
    EvidencePanel(lab).keep()
    names = {path.name for path in lab.session.evidence_path.rglob("*")}
    assert any(name.endswith("attack.json") for name in names)


def test_pictures_have_words_and_numbers() -> None:
    member = torch.arange(60) < 30
    scores = torch.randn(60, generator=torch.Generator().manual_seed(0)) + member.float()
    made = roc_chart({"one": [membership_roc(scores, member)] * 2, "two": [membership_roc(-scores, member)]})
    assert "one finds" in made.alt
    assert "<table" in made.numbers
    assert "half of them above" in heaps(scores[member], scores[~member]).alt
    point = OverSplits(0.5, 0.4, 0.6, 8)
    tried = [Tried("bare", float("inf"), point, point), Tried("noisy", 3.0, point, point)]
    assert "1: epsilon no bound, accuracy 50.0%" in budget_chart(tried, budget=4.0, accuracy=0.9).alt


def test_panels_are_light(lab: LabSession) -> None:
    def count(widget: Any) -> int:
        return 1 + sum(count(child) for child in getattr(widget, "children", ()))

    panels = (
        OverfitPanel(lab, {}),
        AttackPanel(lab, "attack", {}),
        DeployPanel(lab, ("deploy", "price"), {}),
        StatementPanel(lab, "statement", {}),
        AuditPanel(lab, "audit", {}),
    )
    for panel in panels:
        assert count(panel.view) < 30, type(panel).__name__


@pytest.mark.parametrize("number", range(5))
def test_every_prepared_state_of_the_live_demo_runs_at_once(lab: LabSession, number: int) -> None:
    made = {
        "attack_panel": lambda shown, state: AttackPanel(shown, "attack", state),
        "deploy_panel": lambda shown, state: DeployPanel(shown, ("deploy", "price"), state),
        "audit_panel": lambda shown, state: AuditPanel(shown, "audit", state),
    }
    demo = lab.lab.demo[number]
    panel = made[demo.panel](LabSession(lab.session, demo), demo.state)
    assert_no_trouble(panel.view)
    assert 'role="status"' in texts(panel.view)
    assert re.search(r"members found|in the middle", texts(panel.view))
