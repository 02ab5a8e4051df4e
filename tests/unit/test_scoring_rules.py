"""Scoring: rules are data, feedback explains, and points can be recomputed by hand."""

from __future__ import annotations

import math

import pytest

from labkit.core import InvalidInputError
from labkit.scoring import Criterion, Measurement, Rule, Target, judge, parse_when, score

RULES = (
    Rule(parse_when("measured > 0.2 and illegal > 0"), "{illegal:.0%} are illegal.", "Clip."),
    Rule(parse_when("measured > 0.2"), "{measured:.0%} survive.", "More steps."),
    Rule((), "Only {measured:.0%} survive.", "Half the budget."),
)
TARGET = Target(at_most=0.2)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("x > 0.5", 0.6, True),
        ("x > 0.5", 0.5, False),
        ("x >= 0.5", 0.5, True),
        ("x < -1e-3", -0.01, True),
        ("x <= .5", 0.5000000119, True),
        ("x == 3", 3.0, True),
        ("x != 3", 3.0, False),
        ("x > 0.2", 0.2000000030, False),
        ("x > 0 and x < 1", 0.5, True),
        ("x > 0 and x < 1", 2.0, False),
        ("x != 0", math.nan, False),
    ],
)
def test_a_condition_compares_a_name_with_a_number(text, value, holds):
    assert all(condition.holds({"x": value}) for condition in parse_when(text)) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x > y",
        "x > 1 or y > 2",
        "__import__('os') > 0",
        "x >",
        "x > 1 and",
        "1 < x",
        "x > 1; y > 2",
        "x = 1",
    ],
)
def test_anything_else_is_no_condition(text):
    with pytest.raises(InvalidInputError, match="NAME OP NUMBER"):
        parse_when(text)


def test_the_first_rule_that_applies_explains():
    illegal = judge("a", Measurement(0.5, {"illegal": 0.25}), TARGET, RULES)
    weak = judge("a", Measurement(0.5, {"illegal": 0.0}), TARGET, RULES)
    strong = judge("a", Measurement(0.1, {"illegal": 0.0}), TARGET, RULES)

    assert (illegal.passed, illegal.why, illegal.next_probe) == (False, "25% are illegal.", "Clip.")
    assert (weak.passed, weak.why) == (False, "50% survive.")
    assert (strong.passed, strong.why) == (True, "Only 10% survive.")


def test_feedback_prints_as_plain_text():
    text = str(judge("a", Measurement(0.5, {"illegal": 0}), TARGET, RULES, title="Fool it", unit="share"))

    assert text == (
        "Fool it: not reached yet\n"
        "  measured (share): 0.5   target: at most 0.2\n"
        "  why: 50% survive.\n"
        "  next: More steps."
    )


def test_nothing_measured_passes_nothing_and_says_so():
    feedback = judge("a", Measurement(math.nan, {"illegal": 0}), TARGET, RULES)

    assert not feedback.passed
    assert "nothing to measure" in feedback.why


def test_a_rule_that_names_a_missing_fact_says_which():
    with pytest.raises(InvalidInputError, match=r"'illegal'.*measured"):
        judge("a", Measurement(0.5), TARGET, RULES)
    with pytest.raises(InvalidInputError, match="quotes lost"):
        judge("a", Measurement(0.5), TARGET, [Rule((), "{lost}", "x")])
    with pytest.raises(InvalidInputError, match="is the text 'a'"):
        judge("a", Measurement(0.5, {"name": "a"}), TARGET, [Rule(parse_when("name > 1"), "x", "x")])
    with pytest.raises(InvalidInputError, match="no rule of checkpoint"):
        judge("a", Measurement(0.1, {"illegal": 0}), TARGET, RULES[:2])


def test_facts_may_be_texts_and_are_quoted():
    feedback = judge(
        "a", Measurement(0.1, {"which": "the stop sign"}), TARGET, [Rule((), "Look at {which}.", "x")]
    )

    assert feedback.why == "Look at the stop sign."


def test_a_measurement_takes_numbers_and_texts_only():
    with pytest.raises(InvalidInputError, match="'shape'"):
        Measurement(0.5, {"shape": (1, 2)})
    with pytest.raises(InvalidInputError, match="measured"):
        Measurement(0.5, {"measured": 1})


def test_a_share_averaged_in_single_precision_meets_the_fraction_it_stands_for():
    assert Target(at_most=0.2).met(0.20000000298023224)
    assert Target(at_least=0.8).met(0.7999999523162842)
    assert not Target(at_most=0.2).met(0.205)


@pytest.mark.parametrize("sides", [{}, {"at_least": 1, "at_most": 1}, {"at_least": math.nan}])
def test_a_target_has_one_finite_side(sides):
    with pytest.raises(InvalidInputError, match="expected"):
        Target(**sides)


def test_points_grow_in_a_straight_line_in_either_direction():
    attack = Criterion("attack_success_rate", zero_at=0.2, full_at=0.6, points=10)
    defense = Criterion("attack_success_rate", zero_at=0.6, full_at=0.2, points=10)

    assert [round(attack.award(value), 9) for value in (0.1, 0.2, 0.4, 0.6, 0.9)] == [0, 0, 5, 10, 10]
    assert [round(defense.award(value), 9) for value in (0.1, 0.2, 0.4, 0.6, 0.9)] == [10, 10, 5, 0, 0]


def test_a_score_keeps_the_measurement_beside_the_points():
    sheet = score("evasion", [Criterion("asr", 0.2, 0.6, 10)], {"asr": 0.5, "other": 1.0})

    assert (round(sheet.earned, 9), sheet.points) == (7.5, 10)
    assert str(sheet) == (
        "evasion: 7.5 of 10 points\n"
        "  asr: measured 0.5; 0.2 earns nothing and 0.6 all 10 points, so this earns 7.5."
    )


def test_a_rubric_without_its_measurement_is_refused():
    with pytest.raises(InvalidInputError, match="measurement of asr"):
        score("evasion", [Criterion("asr", 0.2, 0.6, 10)], {})


@pytest.mark.parametrize(
    ("zero", "full", "points"), [(0.2, 0.2, 1), (0, math.inf, 1), (0, 1, 0), (0, 1, math.nan)]
)
def test_a_criterion_needs_two_ends_and_some_points(zero, full, points):
    with pytest.raises(InvalidInputError, match="expected"):
        Criterion("asr", zero, full, points)
