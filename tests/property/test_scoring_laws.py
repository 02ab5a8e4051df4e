"""Laws of scoring: rubrics are monotone and bounded, targets and rules never contradict each other."""

from __future__ import annotations

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from labkit.core import InvalidInputError
from labkit.scoring import Criterion, Measurement, Rule, Target, judge, parse_when

numbers = st.floats(-1e3, 1e3)
points = st.floats(0.01, 100)


@given(zero=numbers, full=numbers, points=points, one=numbers, other=numbers)
def test_more_of_what_is_wanted_never_earns_less(zero, full, points, one, other):
    assume(abs(full - zero) > 1e-3)
    criterion = Criterion("m", zero, full, points)
    low, high = sorted((one, other), reverse=full < zero)

    assert 0 <= criterion.award(low) <= criterion.award(high) <= points


@given(zero=numbers, full=numbers, points=points)
def test_the_two_ends_earn_nothing_and_everything(zero, full, points):
    assume(abs(full - zero) > 1e-3)
    criterion = Criterion("m", zero, full, points)

    assert criterion.award(zero) == 0
    assert criterion.award(full) == points
    assert criterion.award(math.nan) == 0


@given(threshold=st.decimals(-10, 10, places=3), value=numbers, at_least=st.booleans())
def test_a_rule_on_the_threshold_agrees_with_the_target(threshold, value, at_least):
    target = Target(at_least=float(threshold)) if at_least else Target(at_most=float(threshold))
    missed = Rule(parse_when(f"measured {'<' if at_least else '>'} {threshold}"), "missed", "again")
    met = Rule((), "met", "on")

    feedback = judge("c", Measurement(value), target, [missed, met])

    assert feedback.passed == (feedback.why == "met")


@given(text=st.text(max_size=40))
def test_no_text_at_all_is_run_or_crashes_the_reader_of_rules(text):
    try:
        conditions = parse_when(text)
    except InvalidInputError:
        return
    assert conditions
    assert all(condition.name.isidentifier() for condition in conditions)
