"""T2: a diagram whose notes have to be read, and hand-ins that read none of them."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest

from labkit.exams.task import load_code
from labkit.governance.threatmodel.catalogue import catalogue
from tests.exam_players import (
    bot,
    issued,
    mark,
    metrics,
    problems,
    share,
    solution_table,
    task_of,
    variants_of,
)

VARIANTS = variants_of("T2")
FEW = [VARIANTS[name] for name in ("v01", "v02", "v03", "v08")]
ONE = VARIANTS["v01"]
BEST = {"why_generic": 2, "why_path": 1, "why_rest": 3}


@pytest.mark.parametrize("name", VARIANTS)
def test_reading_earns_everything_and_doing_nothing_earns_nothing(name: str) -> None:
    variant = VARIANTS[name]
    assert share("T2", variant, bot("T2", "reference", variant)) == pytest.approx(1)
    assert share("T2", variant, bot("T2", "nothing", variant)) == 0
    assert share("T2", variant, {}) == 0
    assert share("T2", variant, bot("T2", "lazy", variant)) < 0.1


def test_whoever_reads_nothing_and_knows_the_justifications_stays_below_a_third() -> None:
    for variant in VARIANTS.values():
        assert share("T2", variant, {**bot("T2", "lazy", variant), **BEST}) < 1 / 3


def test_no_note_can_be_looked_up_in_the_package() -> None:
    families = {each.system: each.words for each in catalogue().families.values()}
    for variant in FEW:
        words = families[issued("T2", variant).facts["system"]]
        known = {text.format(**words) for flaw in catalogue().flaws for text in (flaw.flawed, flaw.sound)}
        told = issued("T2", variant).facts
        notes = {note["text"] for part in (*told["elements"], *told["flows"]) for note in part["notes"]}
        assert len(notes) == len(told["note_ids"])
        assert not notes & known
        assert str(variant.seed) not in json.dumps(told)
        assert variant.seed.bit_length() > 50


def test_the_words_of_the_solution_give_away_the_note_that_is_meant_and_no_other() -> None:
    given_away = solution_table("T2", "GIVEN_AWAY")
    bank = load_code(task_of("T2"))._bank()
    assert given_away.keys() == bank.keys()
    for flaw in catalogue().flaws:
        words, letter, technique = given_away[flaw.id]
        assert {(id, state) for id, note in bank.items() for state in note if words in note[state]} == {
            (flaw.id, "open")
        }
        assert (flaw.at, letter) in load_code(task_of("T2"))._pairs(flaw)
        assert technique in (flaw.techniques or ("none",))


def test_steps_ratings_and_controls_are_issued_whether_they_are_open_or_not() -> None:
    for variant in FEW:
        told = issued("T2", variant).facts
        parts = set(told["part_ids"])
        candidates = {flaw.id for flaw in catalogue().flaws if flaw.at in parts}
        assert set(told["ratings"]) == candidates
        assert {each["id"] for each in told["steps"] if each["at"]} == candidates
        assert {name for each in told["controls"] for name in each["helps_against"]} == candidates
        assert len(told["control_ids"]) == len(catalogue().controls)


def test_every_flaw_is_open_in_some_variants_and_closed_in_others() -> None:
    counts: Counter[str] = Counter()
    for variant in VARIANTS.values():
        counts.update(flaw.id for flaw in load_code(task_of("T2"))._plan(variant).architecture.planted)
    assert all(0 < counts[flaw.id] < len(VARIANTS) for flaw in catalogue().flaws)


@pytest.mark.parametrize("variant", FEW, ids=lambda each: each.id)
def test_everything_reported_finds_nothing(variant) -> None:
    told = issued("T2", variant).facts
    every = [
        {"element": part, "category": letter, "technique": "none", "note": told["note_ids"][0]}
        for part in told["part_ids"]
        for letter in "STRIDE"
    ]
    found = metrics("T2", variant, {"threats": every, "risk_before": sum_of_all(told)})
    assert found["threats"] == found["techniques"] == found["grounded"] == found["baseline"] == 0


def sum_of_all(told) -> float:
    return float(sum(each["likelihood"] * each["impact"] for each in told["ratings"].values()))


def test_rows_in_another_order_or_twice_change_nothing() -> None:
    good = bot("T2", "reference", ONE)
    before = metrics("T2", ONE, good)
    again = {**good, "threats": good["threats"][::-1] * 2, "path": good["path"][::-1]}
    again["controls"] = [each for row in good["controls"] for each in (row, row)]
    assert metrics("T2", ONE, again) == pytest.approx(before)


def test_a_threat_whose_rows_disagree_rests_on_no_note() -> None:
    good = bot("T2", "reference", ONE)
    notes = issued("T2", ONE).facts["note_ids"]
    sprayed = [{**row, "note": note} for row in good["threats"] for note in notes]
    found = metrics("T2", ONE, {**good, "threats": sprayed})
    assert found["threats"] == 1
    assert found["grounded"] == 0


def test_the_order_of_the_controls_counts() -> None:
    for variant in FEW:
        good = bot("T2", "reference", variant)
        turned = metrics("T2", variant, {"controls": good["controls"][::-1]})["risk_removed"]
        assert turned < metrics("T2", variant, good)["risk_removed"]
        dear = sorted(issued("T2", variant).facts["controls"], key=lambda each: -each["cost"])
        rows = [{"control": each["id"]} for each in dear]
        assert share("T2", variant, {"controls": rows, "path_cost": 0.0}) < 0.05


def test_a_path_over_a_closed_step_is_no_attack() -> None:
    for variant in FEW:
        told = issued("T2", variant).facts
        good = bot("T2", "reference", variant)
        open_steps = {each.id for each in load_code(task_of("T2"))._plan(variant).attacks if each.open}
        closed = next(each for each in told["steps"] if each["id"] not in open_steps)
        found = metrics("T2", variant, {"path": [*good["path"], closed["id"]]})
        assert found["path"] == 0
        assert metrics("T2", variant, {"path": told["step_ids"]})["path"] == 0
        assert metrics("T2", variant, {"path": good["path"][:1]})["path"] == 0
        hard = metrics("T2", variant, {"path": ["hard-inside-entry", "hard-inside-impact"]})
        assert 0 < hard["path"] < 0.6


def test_a_cost_that_is_not_that_of_the_path_loses_the_outcome() -> None:
    good = bot("T2", "reference", ONE)
    found = mark("T2", ONE, {**good, "path_cost": good["path_cost"] - 1})
    assert found.flags
    assert sum(line.earned for line in found.lines if line.part == "outcome") == 0
    assert sum(line.earned for line in found.lines if line.part == "process") == pytest.approx(1.4)


def test_the_baseline_has_to_be_that_of_ones_own_table() -> None:
    good = bot("T2", "reference", ONE)
    assert metrics("T2", ONE, {**good, "risk_before": good["risk_before"] + 1})["baseline"] == 0
    assert metrics("T2", ONE, {"risk_before": 0.0, "threats": []})["baseline"] == 0
    half = {"threats": good["threats"][:6]}
    told = issued("T2", ONE).facts["ratings"]
    known = {(flaw.at, flaw.category): flaw.id for flaw in catalogue().flaws}
    rated = [told[known[row["element"], row["category"]]] for row in half["threats"]]
    own = float(sum(each["likelihood"] * each["impact"] for each in rated))
    assert metrics("T2", ONE, {**half, "risk_before": own})["baseline"] == pytest.approx(0.5)


def test_what_is_no_answer_is_refused() -> None:
    assert "path_cost" in problems("T2", ONE, {"path_cost": math.nan})
    assert "threats" in problems("T2", ONE, {"threats": [{"element": "index", "category": "X"}]})
    assert "controls" in problems("T2", ONE, {"controls": [{"control": "magic"}]})
    assert metrics("T2", ONE, {"risk_before": math.nan})["baseline"] == 0


def test_another_letter_that_fits_counts_as_well_and_once() -> None:
    code = load_code(task_of("T2"))
    for variant in FEW:
        flaws = [flaw for flaw in code._plan(variant).architecture.planted if len(code._pairs(flaw)) > 1]
        good = bot("T2", "reference", variant)
        other = {(flaw.at, flaw.category): code._pairs(flaw)[1][1] for flaw in flaws}
        turned = [
            {**row, "category": other.get((row["element"], row["category"]), row["category"])}
            for row in good["threats"]
        ]
        assert other
        for rows in (turned, turned + good["threats"]):
            assert metrics("T2", variant, {**good, "threats": rows}) == pytest.approx(
                metrics("T2", variant, good)
            )


def test_no_letter_fits_two_flaws_of_one_part() -> None:
    pairs = [pair for flaw in catalogue().flaws for pair in load_code(task_of("T2"))._pairs(flaw)]
    assert len(pairs) == len(set(pairs))
