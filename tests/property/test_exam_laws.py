"""Laws of the exam: what is drawn keeps to the blueprint, and points keep to their limits."""

from hypothesis import given
from hypothesis import strategies as st

from labkit.exams.cells import fill_cells

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
