"""Laws of the exam: what is drawn keeps to the blueprint, and points keep to their limits."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from labkit.exams.cells import fill_cells
from labkit.exams.task import (
    ExamCriterion,
    Justification,
    JustificationOption,
    Overclaim,
    Task,
    mark_task,
)

_DOMAINS, _KINDS = ("D1", "D2", "D3"), ("a", "b")
_COUNTS = st.integers(0, 6)
_CELLS = [(domain, kind) for domain in _DOMAINS for kind in _KINDS]


@given(st.tuples(*[_COUNTS] * 3), st.integers(0, 18), st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_cells_keep_to_the_stock_and_to_the_domains(domains, first, stock):
    wanted = dict(zip(_DOMAINS, domains, strict=True))
    first = min(first, sum(domains))
    kinds = {"a": first, "b": sum(domains) - first}
    there = dict(zip(_CELLS, stock, strict=True))
    taken = fill_cells(wanted, kinds, there, {})
    assert all(0 < count <= there[cell] for cell, count in taken.items())
    for domain, count in wanted.items():
        got = sum(each for cell, each in taken.items() if cell[0] == domain)
        assert got == min(count, there[domain, "a"] + there[domain, "b"])


@given(st.tuples(*[_COUNTS] * 3), st.integers(0, 18))
def test_with_enough_in_stock_the_kinds_are_met_exactly(domains, first):
    first = min(first, sum(domains))
    kinds = {"a": first, "b": sum(domains) - first}
    taken = fill_cells(dict(zip(_DOMAINS, domains, strict=True)), kinds, dict.fromkeys(_CELLS, 99), {})
    for kind, count in kinds.items():
        assert sum(each for cell, each in taken.items() if cell[1] == kind) == count


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(-2, 2), st.sampled_from([0, 1, 2, 7, "x"]))
def test_points_lie_between_nothing_and_all_whatever_was_measured(measured, claim, option):
    mark = mark_task(_TASK, _ENDS, {"gain": measured}, {"claimed": claim, "why_a": option})
    assert 0 <= mark.earned <= _TASK.points + 1e-9
    assert all(0 <= line.earned <= line.points for line in mark.lines)


@given(st.floats(-1, 2), st.floats(-1, 2))
def test_more_of_a_metric_never_earns_less(one, other):
    low, high = sorted((one, other))
    earned = [mark_task(_TASK, _ENDS, {"gain": each}, {"claimed": each}).earned for each in (low, high)]
    assert earned[0] <= earned[1]


_ENDS = {"nothing": {"gain": 0.2}, "reference": {"gain": 0.8}}
_TASK = Task(
    id="T5",
    title="A task",
    domain="D4",
    points=10,
    minutes=1,
    fields=(),
    criteria=(
        ExamCriterion("gain", "outcome", 6, "nothing", "reference"),
        ExamCriterion("gain", "process", 2, 0.0, 1.0),
        ExamCriterion("justification", "justification", 2, 0.0, 1.0),
    ),
    justifications=(
        Justification("a", "?", (JustificationOption("no", 0.0, "."), JustificationOption("yes", 1.0, "."))),
    ),
    overclaim=Overclaim("claimed", "gain", 0.05),
    critical=(),
    folder=Path(),
)
