"""Panels of the federated lab without a front end: every control does what it says, on a real case."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.course.cases.federated.recipes import check_attack, check_server
from labkit.course.cases.federated.running import run
from labkit.ui.federated.defend import DefendPanel
from labkit.ui.federated.dials import AttackDials, ServerDials, named_attack, named_server
from labkit.ui.federated.masked import MaskedPanel
from labkit.ui.federated.minority import MinorityPanel
from labkit.ui.federated.pictures import curve, update_map
from labkit.ui.federated.siege import SiegePanel
from labkit.ui.federated.stealth import StealthPanel
from labkit.ui.session import LabSession

TROUBLE = ("Something unexpected", "That did not work")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSession]:
    with pytest.MonkeyPatch.context() as patch, threads():
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("LABKIT_SEED", "3")
        declared = read_lab(content_dir("notebooks") / "L11-federated-under-siege", references=False)
        lab = LabSession(Session(declared, scenario="digits", learner="test"))
        assert len(lab.case.x) == 1440
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


def test_the_siege_panel_trains_what_the_dials_say_and_hands_the_attack_in(lab: LabSession) -> None:
    panel = SiegePanel(lab, "crash", {"attack": "sign_flip", "strength": 5.0, "malicious": 2})
    panel.train()
    shown = panel.results.value
    assert "After 12 rounds the model reads" in shown
    assert shown.count('role="img"') == 2
    assert "Served worst: H" in shown
    assert "turn the sign, scale 5" in shown
    panel.hand_in()
    assert "lk-good" in panel.feedback.value
    assert lab.session.attempts("crash")[-1].passed
    assert_no_trouble(panel.view)


def test_a_federation_of_six_explains_what_krum_cannot_do_there(lab: LabSession) -> None:
    panel = SiegePanel(
        lab, "crash", {"clients": 6, "malicious": 1, "aggregator": "multi_krum", "tolerated": 5, "kept": 7}
    )
    panel.train()
    assert "expected tolerated from 0 to 3 for 6 clinics" in texts(panel.view)


def test_the_stealth_panel_says_whether_the_clinics_were_believed(lab: LabSession) -> None:
    panel = StealthPanel(lab, "stealth", {})
    assert panel.attack.recipe() == {"attack": "a_little_is_enough", "z": 1.0, "listens": False}
    panel.attack.attack.value = "inner_product"
    panel.attack.strength.value = 0.6
    panel.attack.listens.value = True
    panel.train()
    assert "Believed:" in panel.results.value
    panel.hand_in()
    assert lab.session.attempts("stealth")[-1].passed
    assert_no_trouble(panel.view)


def test_the_defend_panel_names_the_attack_that_suits_the_rule_least(lab: LabSession) -> None:
    panel = DefendPanel(lab, "defend", {"aggregator": "median"})
    panel.besiege()
    assert "against: model replacement (backdoor), boost 3.33333" in panel.results.value
    panel.server.aggregator.value = "multi_krum"
    panel.server.dials["tolerated"].value = 3
    panel.server.dials["kept"].value = 7
    panel.hand_in()
    assert lab.session.attempts("defend")[-1].passed
    assert_no_trouble(panel.view)


def test_the_minority_panel_shows_who_is_left_out_on_which_day(lab: LabSession) -> None:
    panel = MinorityPanel(lab, "minority", {})
    panel.serve()
    shown = panel.results.value
    assert all(day in shown for day in ("nobody lies", "two shout", "two plant a sign"))
    assert "other scanner" in shown
    panel.server.aggregator.value = "distance_filter"
    panel.server.dials["threshold"].value = 5.0
    panel.hand_in()
    assert lab.session.attempts("minority")[-1].passed
    assert_no_trouble(panel.view)


def test_the_masked_panel_shows_what_arrives_tests_claims_and_hands_a_design_in(lab: LabSession) -> None:
    panel = MaskedPanel(lab, "masked", {})
    panel.show_views()
    assert panel.views.value.count("<figure>") == 4
    assert "correlation 1.00" in panel.views.value
    panel.claim.value = "pairs"
    panel.try_claim()
    assert "not tested" in panel.verdicts.value
    for name in ("pairs", "proven_length"):
        panel.works[name].value = True
    panel.size.value = 2
    panel.server.aggregator.value = "median"
    panel.train()
    assert "two of ten clinics lied" in panel.results.value
    panel.hand_in()
    assert lab.session.attempts("masked")[-1].passed
    assert_no_trouble(panel.view)


# ------------------------------------------------------------------ dials and pictures


def test_dials_make_recipes_that_a_judge_takes() -> None:
    attack, server = AttackDials({}), ServerDials({})
    for _, name in attack.attack.options:
        attack.attack.value = name
        assert named_attack(check_attack(attack.recipe()))
    for _, name in server.aggregator.options:
        server.aggregator.value = name
        recipe = server.recipe()
        assert check_server(recipe) == recipe
        assert named_server(recipe)
        shown = {key for key, dial in server.dials.items() if dial.layout.display != "none"} - {"aggregator"}
        assert {"noise_multiplier" if key == "noise" else key for key in shown} == set(recipe) - {
            "aggregator"
        }


def test_a_curve_has_words_and_numbers() -> None:
    shown = curve({"accuracy": [0.1, 0.5, 0.9], "sign works": [0.0, 0.0, 1.0]}, "Rounds")
    assert "accuracy: 10% after the first round, 90% after the last" in shown
    assert shown.count("<polyline") == 2
    assert shown.count('<th scope="row">') == 3


def test_labels_at_the_end_of_a_curve_do_not_lie_on_each_other() -> None:
    shown = curve({"one": [0.0, 0.01], "two": [0.0, 0.0], "three": [0.0, 0.02]}, "Rounds")
    heights = sorted(float(part.split('"')[0]) for part in shown.split('x="508" y="')[1:])
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 15


def test_a_map_says_in_words_who_is_far_away_and_who_was_not_used(lab: LabSession) -> None:
    case = lab.case
    ours = case.federation("minority", malicious=2)
    server = {"aggregator": "distance_filter", "threshold": 5.0}
    made = run(case, ours, {"attack": "sign_flip", "scale": 5.0}, server, rounds=2)
    shown = update_map(made, "Clinics")
    liars = [ours.names[i] for i in ours.malicious.nonzero().flatten().tolist()]
    assert f"Not used: {', '.join(liars)}" in shown
    # One more of each shape in the legend, and the frame.
    assert shown.count("<rect") == 2 + 2
    assert shown.count("<circle") == 7 + 1
    assert all(f"{name} (malicious" in shown for name in liars)


def test_panels_are_light(lab: LabSession) -> None:
    """Twenty open the lab at once, and a panel costs what its widgets cost."""
    for kind, checkpoint in (
        (SiegePanel, "crash"),
        (StealthPanel, "stealth"),
        (DefendPanel, "defend"),
        (MinorityPanel, "minority"),
        (MaskedPanel, "masked"),
    ):
        assert len(list(widgets(kind(lab, checkpoint, {}).view))) < 45, kind.__name__
