"""Laws of the exam: what is drawn keeps to the blueprint, and points keep to their limits."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from labkit.exams.bank import Enemies, crowding
from labkit.exams.blueprint import Blueprint, Decision, Domain
from labkit.exams.cells import fill_cells
from labkit.exams.drawing import draw_items
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


@dataclass(frozen=True)
class _Item:
    """The part of an item that a draw looks at."""

    id: str
    domain: str
    group: str
    anchor: bool
    revision = 1
    variant_ids = ("",)
    kind, pairs, steps, parts = "numeric", (), (), ()


@st.composite
def _banks(draw):
    """Return items, a blueprint that they can fill, and groups of enemies."""
    stock = {cell: draw(st.integers(0, 5)) for cell in _CELLS}
    items = [
        _Item(f"{domain}-{kind}-{number}", domain, kind, number == 0 and kind == "a")
        for (domain, kind), count in stock.items()
        for number in range(count)
    ]
    domains = {name: draw(st.integers(0, min(4, stock[name, "a"] + stock[name, "b"]))) for name in _DOMAINS}
    domains = {name: max(count, int(stock[name, "a"] > 0)) for name, count in domains.items()}
    first = draw(st.integers(0, sum(domains.values())))
    ids = [item.id for item in items] or [""]
    groups = (
        draw(st.lists(st.sets(st.sampled_from(ids), min_size=2, max_size=4), max_size=5)) if items[1:] else []
    )
    anchors = {item.id for item in items if item.anchor}
    groups = [tuple(sorted(group)) for group in groups if len(group & anchors) < 2]
    return items, domains, {"a": first, "b": sum(domains.values()) - first}, groups


def _blueprint(domains, kinds):
    listed = tuple(Domain(name, name, 1.0, count) for name, count in domains.items())
    return Blueprint("e", "E", "1", 9, listed, (), 1.0, kinds, Decision(0.7, 0.6, 0.4, 12), 24)


@given(_banks(), st.integers(0, 10**6))
def test_no_form_holds_two_enemies_and_what_the_check_lets_pass_is_filled(bank, session):
    items, domains, kinds, groups = bank
    assume(items)
    blueprint = _blueprint(domains, kinds)
    drawn = draw_items(b"k" * 32, f"s{session}", blueprint, items, enemies=groups)
    ids = {each.id for each in drawn}
    assert not [group for group in groups if len(ids & set(group)) > 1]
    assert {item.id for item in items if item.anchor} <= ids
    again = draw_items(b"k" * 32, f"s{session}", blueprint, items[::-1], enemies=groups[::-1])
    assert again == drawn
    by_id = {item.id: item for item in items}
    got = [Counter(getattr(by_id[id], side) for id in ids) for side in ("domain", "group")]
    assert all(got[0][name] <= count for name, count in domains.items())
    plain = fill_cells(
        domains,
        kinds,
        Counter((item.domain, item.group) for item in items),
        Counter((item.domain, item.group) for item in items if item.anchor),
    )
    enough = all(
        sum(count for cell, count in plain.items() if cell[side] == name) == wanted
        for side, wanted_of in enumerate((domains, kinds))
        for name, wanted in wanted_of.items()
    )
    declared = [Enemies(group, "", "enemies.toml:1") for group in groups]
    if enough and not crowding(items, declared, domains, kinds):
        assert got == [Counter(domains) - Counter(), Counter(kinds) - Counter()]


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
