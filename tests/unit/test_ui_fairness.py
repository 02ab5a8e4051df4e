"""Panels of the lab about bias without a front end: every control does what it says, on a real case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.course.cases.fairness.branches import KINDS
from labkit.course.cases.fairness.case import fairness_case, hidden_in_branches
from labkit.course.cases.fairness.records import handed_in_again
from labkit.course.measuring import measure
from labkit.metrics import Gap, Rate
from labkit.ui import fairness as panels
from labkit.ui.evidence import EvidencePanel
from labkit.ui.fairness.branches import BranchesPanel
from labkit.ui.fairness.common import gap_chart
from labkit.ui.fairness.decide import DecidePanel
from labkit.ui.fairness.dials import RecipeDials, named
from labkit.ui.fairness.repair import RepairPanel
from labkit.ui.fairness.skew import SkewPanel
from labkit.ui.session import LabSession

TROUBLE = ("Something unexpected", "That did not work")
SKEW = {"by": "district 1", "direction": "down", "rate": 10.0, "choose": "boundary"}
HOLD = {"method": "thresholds", "by": "group", "target": "equal_opportunity", "labels": "delivered"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    with pytest.MonkeyPatch.context() as patch, threads():
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("LABKIT_SEED", "3")
        declared = read_lab(content_dir("notebooks") / "L13-bias-as-an-attack-surface", references=False)
        yield LabSession(Session(declared, scenario="loans", learner="test"))


def texts(widget: Any) -> str:
    own = str(getattr(widget, "value", ""))
    return own + "".join(texts(child) for child in getattr(widget, "children", ()))


def assert_no_trouble(view: Any) -> None:
    shown = texts(view)
    assert not [words for words in TROUBLE if words in shown], shown[:2000]


def test_the_count_follows_the_rate_and_says_what_is_too_many(lab: LabSession) -> None:
    panel = SkewPanel(lab, "skew", {"rate": 12.0})
    assert "240 of 2000 outcomes turned; 200 go unnoticed. That is 40 too many" in panel.status.value
    panel.rate.value = 10.0
    assert "too many" not in panel.status.value
    panel.strength.value = 0.0
    assert "another town" in panel.status.value


@pytest.mark.parametrize("choose", ["random", "boundary", "influence"])
@pytest.mark.parametrize("direction", ["down", "up"])
@pytest.mark.parametrize("who", ["anybody", "district 0", "district 1"])
def test_every_way_to_attack_can_be_tried(lab: LabSession, who: str, direction: str, choose: str) -> None:
    panel = SkewPanel(lab, "skew", {"by": who, "direction": direction, "choose": choose, "rate": 6.0})
    panel.train()
    if (who, choose) == ("anybody", "influence"):
        assert "expected members of another group" in texts(panel.view)
        return
    assert "points apart" in panel.picture.value
    assert_no_trouble(panel.view)


def test_another_town_is_looked_at_and_ones_own_is_handed_in(lab: LabSession) -> None:
    panel = SkewPanel(lab, "skew", {**SKEW, "strength": 0.0})
    panel.train()
    panel.strength.value = 0.7
    panel.train()
    assert panel.results.value.count("district 1") == 2
    panel.strength.value = 0.0
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert lab.notes["skew"]["poison_rate"] == 0.1
    assert_no_trouble(panel.view)


def test_the_delivery_is_shown_part_by_part_and_every_repair_can_be_tried(lab: LabSession) -> None:
    panel = RepairPanel(lab, "repair", {})
    panel.examine()
    assert "district 1" in panel.places.value
    for method in ("none", "reweigh", "thresholds", "screen"):
        panel.dials.method.value = method
        panel.measure()
    assert "Repairs tried" in panel.results.value
    assert panel.picture.value.count("<svg") == 1
    panel.hand_in()
    assert_no_trouble(panel.view)


def test_a_repair_is_handed_in_with_its_reason(lab: LabSession) -> None:
    panel = RepairPanel(lab, "repair", {"method": "reweigh", "by": "group"})
    panel.hand_in()
    assert "turned by the district" in panel.feedback.value
    panel.dials.by.value = "district"
    panel.hand_in()
    assert "reached" in panel.feedback.value


def test_dials_show_what_a_method_has_and_name_it() -> None:
    dials = RecipeDials({"method": "none"})
    assert [dial.layout.display for dial in (dials.by, dials.target, dials.labels)] == ["none"] * 3
    dials.method.value = "thresholds"
    assert [dial.layout.display for dial in (dials.by, dials.target, dials.labels)] == [""] * 3
    assert dials.recipe() == {
        "method": "thresholds",
        "by": "group",
        "target": "demographic_parity",
        "labels": "delivered",
    }
    assert named(dials.recipe()) == "Thresholds by the group for demographic parity, on delivered outcomes"


def test_four_branches_are_compared_examined_and_judged(lab: LabSession) -> None:
    panel = BranchesPanel(lab, "blind", {})
    panel.hand_in()
    assert "Say something about branch A, branch B, branch C, branch D first" in panel.feedback.value
    panel.compare_gaps()
    panel.examine()
    panel.branch.value = 2
    assert "branch C, part by part" in panel.parts.value
    panel.compare()
    assert panel.results.value.count('<th scope="row">') == 4
    for verdict, (kind, _) in zip(panel.verdicts, hidden_in_branches(lab.case), strict=True):
        verdict.value = KINDS[kind].by or "none"
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert_no_trouble(panel.view)


def test_a_decision_is_measured_before_it_is_signed(lab: LabSession) -> None:
    panel = DecidePanel(lab, "decide", HOLD)
    panel.hand_in()
    assert "Choose a reason first" in panel.feedback.value
    panel.reason.value = "equal_opportunity"
    panel.hand_in()
    assert "Measure this desk first" in panel.feedback.value
    panel.measure()
    assert "Why not all at once" in panel.card.value
    panel.dials.method.value = "reweigh"
    panel.hand_in()
    assert "Measure this desk first" in panel.feedback.value
    panel.dials.method.value = "thresholds"
    panel.holds.value = "equal_opportunity"
    assert panel.last is not None
    for name, gap in panel.last.gaps.items():
        panel.gives_up[name].value = abs(gap.value) > 0.06 and name != "equal_opportunity"
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert "because whoever would repay" in lab.attachments["fairness-decision-record.md"]
    assert_no_trouble(panel.view)


def test_the_chart_says_in_words_and_in_a_table_what_it_draws() -> None:
    hits = Rate(0.75, 0.7, 0.8, 100), Rate(0.5, 0.4, 0.6, 90)
    markup = gap_chart({"demographic_parity": Gap.between(*hits)}, title="A desk")
    assert 'aria-label="A desk. demographic parity, approved, of all: group 0 75.0%, group 1 50.0%' in markup
    assert "<table" in markup
    nobody = Gap.between(Rate(float("nan"), 0, 1, 0), hits[1])
    assert "nobody to count" in gap_chart({"predictive_parity": nobody}, title="A desk")


def test_what_was_handed_in_lies_in_the_evidence_pack_and_can_be_measured_again(lab: LabSession) -> None:
    SkewPanel(lab, "skew", SKEW).hand_in()
    RepairPanel(lab, "repair", {"method": "reweigh", "by": "district"}).hand_in()
    said = {
        f"verdict_{i}": KINDS[kind].by or "none" for i, (kind, _) in enumerate(hidden_in_branches(lab.case))
    }
    BranchesPanel(lab, "blind", said).hand_in()
    decide = DecidePanel(lab, "decide", {**HOLD, "holds": HOLD["target"], "reason": HOLD["target"]})
    decide.measure()
    decide.hand_in()
    EvidencePanel(lab).keep()
    for checkpoint in ("skew", "repair", "blind", "decide"):
        (path, *_) = sorted(lab.session.evidence_path.rglob(f"*{checkpoint}.json"), reverse=True)
        record = json.loads(path.read_text(encoding="utf-8"))
        case = fairness_case(lab.lab.find_scenario(record["scenario"]), record["seed"])
        again = measure(lab.lab, lab.lab.find_checkpoint(checkpoint), case, handed_in_again(case, record))
        assert again.measured == pytest.approx(record["measured"]), checkpoint
        assert again.passed is record["passed"]


@pytest.mark.parametrize("number", range(6))
def test_every_demo_opens_with_something_to_vote_on(lab: LabSession, number: int) -> None:
    demo = lab.lab.demo[number]
    shown = LabSession(lab.session, demo)
    view = getattr(panels, demo.panel)(shown)
    assert_no_trouble(view)
    assert "<table" in texts(view)
