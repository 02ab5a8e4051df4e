"""Panels of the poisoning lab without a front end: every control does what it says, on a real case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from labkit.attacks import poisoning
from labkit.core import InvalidInputError
from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.course.cases.poisoning.case import poisoned_drops, poisoning_case
from labkit.course.cases.poisoning.records import handed_in_again
from labkit.course.cases.poisoning.screening import screen
from labkit.course.measuring import measure
from labkit.scoring import Feedback
from labkit.ui.evidence import EvidencePanel
from labkit.ui.poisoning.backdoor import BackdoorPanel
from labkit.ui.poisoning.blind import BlindPanel
from labkit.ui.poisoning.collision import CollisionPanel
from labkit.ui.poisoning.common import chart
from labkit.ui.poisoning.painter import PRESETS, Painter, describe, from_text, to_text
from labkit.ui.poisoning.price import PricePanel
from labkit.ui.poisoning.screening import ScreeningPanel
from labkit.ui.poisoning.tools import Tools, named
from labkit.ui.session import LabSession

TROUBLE = ("Something unexpected", "That did not work")
REFERENCE = {
    "method": "knn_consistency",
    "neighbours": "vouched",
    "k": 5,
    "threshold": 0.7,
    "compare": "pixels",
    "only_unvouched": True,
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    with pytest.MonkeyPatch.context() as patch, threads():
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("LABKIT_SEED", "3")
        declared = read_lab(content_dir("notebooks") / "L04-poisoning-and-backdoors", references=False)
        lab = LabSession(Session(declared, scenario="digits", learner="test"))
        assert len(lab.case.x) == 560
        yield lab


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


# ------------------------------------------------------------------ the painter


def test_a_sign_survives_the_way_through_text() -> None:
    cells = torch.rand((8, 8), generator=torch.Generator().manual_seed(0)) > 0.5
    assert torch.equal(from_text(to_text(cells), (8, 8)), cells)


@pytest.mark.parametrize("text", ["", "###", "########/" * 8, "x......./" * 7 + "........"])
def test_a_text_that_is_no_sign_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="8 rows of 8"):
        from_text(text, (8, 8))


def test_a_sign_is_described_in_words() -> None:
    cells = torch.zeros((8, 8), dtype=torch.bool)
    assert describe(cells) == "Nothing is painted."
    cells[2:4, 5] = True
    assert describe(cells) == "2 pixels painted, in rows 3 to 4 and columns 6 to 6."


def test_what_is_typed_is_painted_and_what_is_no_sign_is_explained() -> None:
    painter, told = Painter((8, 8)), []
    painter.on_change(lambda: told.append(int(painter.cells.sum())))
    painter.text.value = "/".join(["##......"] * 8)
    painter.text.value = "nonsense"
    assert told == [16]
    assert "expected 8 rows" in texts(painter.view)


def test_a_sign_moves_until_the_edge_and_no_further() -> None:
    painter = Painter((8, 8), preset="square")
    painter.move(-1, 0)
    assert bool(painter.cells[0, 0])
    for _ in range(10):
        painter.move(1, 0)
    assert to_text(painter.cells).startswith("......../" * 6 + "##")


def test_every_preset_fits_the_grid() -> None:
    for name in PRESETS:
        assert int(Painter((8, 8), preset=name).cells.sum()) > 0


def test_every_cell_of_the_grid_says_where_it_is_and_whether_it_is_painted() -> None:
    shown = texts(Painter((8, 8), preset="dot").view)
    assert shown.count('role="gridcell"') == 64
    assert 'aria-label="row 1, column 1, painted"' in shown
    assert shown.count('tabindex="0"') == 1


# ------------------------------------------------------------------ the panels


def test_the_backdoor_panel_counts_the_poison_and_shows_it(lab: LabSession) -> None:
    panel = BackdoorPanel(lab, "backdoor", {"preset": "corner", "rate": 5.0})
    assert "28 of 560 samples poisoned; 11 go unnoticed. That is 17 too many" in panel.status.value
    assert panel.samples.value.count("<figure>") == 4
    panel.rate.value = 0.0
    assert "0 of 560" in panel.status.value
    assert panel.samples.value == ""


@pytest.mark.parametrize("kind", ["badnets", "blended", "clean_label", "label_flip"])
def test_every_kind_of_poison_can_be_trained_on(lab: LabSession, kind: str) -> None:
    panel = BackdoorPanel(lab, "backdoor", {"preset": "corner", "rate": 2.0, "kind": kind})
    panel.train()
    assert "The sign works on" in panel.results.value
    assert panel.blend.disabled is (kind != "blended")
    assert_no_trouble(panel.view)


def test_a_backdoor_is_handed_in_from_the_panel(lab: LabSession) -> None:
    panel = BackdoorPanel(lab, "backdoor", {"preset": "corner", "rate": 2.0})
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert lab.notes["backdoor"]["poisoned_samples"] == 11


def test_a_collision_is_made_on_request_only_and_handed_in(lab: LabSession) -> None:
    panel = CollisionPanel(lab, "clean-label", {"epsilon": 0.25, "rate": 2.0, "steps": 60})
    panel.base.value = lab.case.document.wanted
    assert panel.samples.value == ""
    panel.refresh()
    assert f"your document is read as {panel.wanted}" in panel.results.value
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert_no_trouble(panel.view)


def test_the_delivery_is_screened_on_request_and_then_with_every_dial(lab: LabSession) -> None:
    panel = ScreeningPanel(lab, "clean-up", {})
    assert panel.picture.value == ""
    panel.refresh()
    for method in ("spectral_signatures", "activation_clustering", "provenance", "knn_consistency"):
        panel.tools.method.value = method
        assert "<svg" in panel.picture.value
    assert_no_trouble(panel.view)


def test_a_cleaning_is_trained_on_handed_in_and_taken_over_by_the_price(lab: LabSession) -> None:
    panel = ScreeningPanel(lab, "clean-up", REFERENCE)
    panel.train()
    assert "Readers trained on what stays" in panel.results.value
    panel.hand_in()
    assert "reached" in panel.feedback.value
    price = PricePanel(lab, "price", {})
    price.copy()
    assert price.tools.recipe() == REFERENCE
    price.measure()
    assert "Good samples lost each time" in price.results.value
    price.hand_in()
    assert "reached" in price.feedback.value
    assert_no_trouble(price.view)


def test_four_verdicts_are_needed_before_the_blind_round_is_judged(lab: LabSession) -> None:
    panel = BlindPanel(lab, "blind", {"neighbours": "acceptance", "k": 5})
    panel.hand_in()
    assert "Say something about drop A, drop B, drop C, drop D" in panel.feedback.value
    panel.refresh()
    assert "samples are suspects" in panel.status.value
    panel.compare()
    assert panel.results.value.count('<th scope="row">') == 5
    for each in panel.verdicts:
        each.value = "clean"
    panel.hand_in()
    assert "called every drop clean" in panel.feedback.value
    assert_no_trouble(panel.view)


def in_pack(lab: LabSession, checkpoint: str) -> Any:
    """Put what there is into the evidence pack, and read the file of a checkpoint back from the disk."""
    EvidencePanel(lab).keep()
    (path, *_) = sorted(lab.session.evidence_path.rglob(f"*{checkpoint}.json"), reverse=True)
    return json.loads(path.read_text(encoding="utf-8"))


def measured_again(lab: LabSession, record: Any) -> Feedback:
    """Measure what a record says on a case that is made anew from its seed."""
    case = poisoning_case(lab.lab.find_scenario(record["scenario"]), record["seed"])
    where = lab.lab.find_checkpoint(record["checkpoint"])
    return measure(lab.lab, where, case, handed_in_again(case, record))


def test_the_evidence_of_a_backdoor_holds_sign_and_poison_and_can_be_measured_again(lab: LabSession) -> None:
    panel = BackdoorPanel(lab, "backdoor", {"preset": "corner", "rate": 2.0})
    panel.hand_in()
    record = in_pack(lab, "backdoor")
    kept = record["handed_in"]
    assert record["passed"]
    assert kept["trigger"]["mask"] == panel.trigger().mask.tolist()
    assert kept["positions"] == panel.make().indices.tolist()
    assert set(kept["y_poisoned"]) == {0}
    assert record["parameters"]["attack"] == "badnets"
    assert record["parameters"]["poisoned_samples"] == 11
    again = measured_again(lab, record)
    assert (again.measured, again.passed) == (record["measured"], True)


def test_the_evidence_of_a_cleaning_holds_the_recipe_whoever_handed_it_in(lab: LabSession) -> None:
    panel = ScreeningPanel(lab, "clean-up", REFERENCE)
    panel.hand_in()
    by_panel = in_pack(lab, "clean-up")
    lab.check("clean-up", remove=screen(lab.case, lab.case.delivery, REFERENCE))
    by_hand = in_pack(lab, "clean-up")
    for record in (by_panel, by_hand):
        recipe = record["parameters"]["recipe"]
        assert recipe == REFERENCE
        found = screen(lab.case, lab.case.delivery, recipe).indices.tolist()
        assert found == record["handed_in"]["remove"]
        assert record["parameters"]["removed"] == len(found)
        assert record["facts"]["clean"] == measured_again(lab, record).facts["clean"]


def test_what_is_handed_in_by_hand_leaves_its_parameters_as_well(lab: LabSession) -> None:
    case = lab.case
    lab.notes.clear()
    made = poisoning.badnets(
        case.x, case.y, trigger=poisoning.patch((1, 8, 8), size=3), y_target=0, poison_rate=0.02
    )
    sign = {"mask": made.trigger.mask, "pattern": made.trigger.pattern, "y_target": 0}
    lab.check("backdoor", x_poisoned=made.x_poisoned, y_poisoned=made.y_poisoned, **sign)
    lab.check("blind", verdicts=["clean"] * 4, suspects=[[]] * 4)
    lab.check("price", recipe=REFERENCE)
    assert lab.notes["backdoor"] == {
        "poisoned_samples": 11,
        "target_class": 0,
        "trigger_pixels": 9,
        "blend_ratio": 1.0,
    }
    assert lab.notes["blind"]["verdicts"] == ["clean"] * 4
    assert lab.notes["price"]["recipe"] == REFERENCE


def test_what_could_not_be_measured_leaves_no_record(lab: LabSession) -> None:
    before = dict(lab.attachments)
    assert "That did not work" in str(lab.check("price", recipe={"method": "magic"}))
    assert lab.attachments == before


def test_the_blind_round_is_passed_with_the_suspects_of_the_tool_that_is_set(lab: LabSession) -> None:
    state = {"neighbours": "acceptance", "compare": "features", "k": 5}
    panel = BlindPanel(lab, "blind", state)
    for each, drop in zip(panel.verdicts, poisoned_drops(lab.case), strict=True):
        each.value = "poisoned" if len(drop.indices) else "clean"
    panel.hand_in()
    assert "reached" in panel.feedback.value
    assert "All four right" in panel.feedback.value
    record = in_pack(lab, "blind")
    assert record["parameters"]["recipe"]["compare"] == "features"
    assert measured_again(lab, record).passed
    panel.tools.k.value = 1
    panel.tools.threshold.value = 1.0  # nobody is a suspect, so nothing is shown
    panel.hand_in()
    assert "without naming a sample" in panel.feedback.value


def test_the_live_demo_compares_the_drops_at_once_and_again_with_every_dial(lab: LabSession) -> None:
    demo = next(each for each in lab.lab.demo if each.panel == "blind_panel")
    shown = LabSession(lab.session, demo)
    panel = BlindPanel(shown, "blind", demo.state)
    assert "by features" not in panel.results.value
    assert panel.results.value.count('<th scope="row">') == 5
    panel.tools.compare.value = "features"
    assert "by features" in panel.results.value


def test_the_tools_of_a_drop_without_a_note_offer_no_vouchers() -> None:
    tools = Tools({}, noted=False)
    assert "provenance" not in dict(tools.method.options).values()
    assert "vouched" not in dict(tools.neighbours.options).values()
    assert "only_unvouched" not in tools.recipe()


@pytest.mark.parametrize(
    "method", ["knn_consistency", "spectral_signatures", "activation_clustering", "provenance"]
)
def test_a_recipe_can_be_put_back_on_the_dials_and_said_in_words(method: str) -> None:
    first = Tools({"method": method, "share": 3.0, "heap": 20.0, "k": 4}, noted=True)
    second = Tools({}, noted=True)
    second.put(first.recipe())
    assert second.recipe() == first.recipe()
    assert named(first.recipe())


def test_a_chart_has_words_a_table_and_a_line() -> None:
    shown = chart(torch.rand(100), title="Scores", unit="suspicion", threshold=0.5, usual=torch.rand(50))
    assert 'role="img"' in shown
    assert "aria-label" in shown
    assert "goes above 0.5" in shown
    assert "<table" in shown


def test_a_chart_of_equal_scores_can_be_drawn() -> None:
    assert "<svg" in chart(torch.zeros(10), title="Scores", unit="suspicion")


def test_panels_are_light(lab: LabSession) -> None:
    """Twenty open the lab at once, and a panel costs what its widgets cost (benchmarks serving: how long)."""
    for kind, checkpoint in (
        (BackdoorPanel, "backdoor"),
        (CollisionPanel, "clean-label"),
        (ScreeningPanel, "clean-up"),
        (BlindPanel, "blind"),
        (PricePanel, "price"),
    ):
        assert len(list(widgets(kind(lab, checkpoint, {}).view))) < 60, kind.__name__
