"""How many items a form takes from each cell of domain and kind: a small flow problem."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Cell", "fill_cells"]

Cell = tuple[str, str]


def fill_cells(
    domains: Mapping[str, int],
    kinds: Mapping[str, int],
    stock: Mapping[Cell, int],
    anchors: Mapping[Cell, int],
) -> dict[Cell, int]:
    """Return how many items to take from each cell.

    The result keeps to the counts of the domains and to the stock.  It keeps to the counts of the
    kinds as far as the stock allows, and every cell has at least its anchors.  It begins with even
    shares and mends them along augmenting paths (Ford and Fulkerson, "Maximal flow through a
    network", 1956, https://doi.org/10.4153/CJM-1956-045-5).

    Parameters
    ----------
    domains, kinds : mapping of str to int
        How many items of each a form has.
    stock, anchors : mapping of (str, str) to int
        Cell to how many items there are, and how many of them must be in.
    """
    cells = [(domain, kind) for domain in domains for kind in kinds]
    total = max(1, sum(kinds.values()))
    taken = {cell: anchors.get(cell, 0) for cell in cells}
    for domain, kind in cells:
        even = min(domains[domain] * kinds[kind] // total, stock.get((domain, kind), 0))
        room = min(domains[domain] - _in(taken, domain, 0), kinds[kind] - _in(taken, kind, 1))
        taken[domain, kind] += max(0, min(even - taken[domain, kind], room))
    for domain in domains:
        while _in(taken, domain, 0) < domains[domain]:
            if not _augment(domain, domains, kinds, stock, anchors, taken):
                break
    _fill_up(domains, kinds, stock, taken)
    return {cell: count for cell, count in taken.items() if count}


def _in(taken: Mapping[Cell, int], name: str, side: int) -> int:
    return sum(count for cell, count in taken.items() if cell[side] == name)


def _augment(
    start: str,
    domains: Mapping[str, int],
    kinds: Mapping[str, int],
    stock: Mapping[Cell, int],
    anchors: Mapping[Cell, int],
    taken: dict[Cell, int],
) -> bool:
    """Take one item more for the domain ``start``, moving others between kinds where that is needed."""
    came: dict[str, Cell] = {}
    fronts, seen = [start], {start}
    while fronts:
        domain = fronts.pop(0)
        for kind in sorted(kinds, key=lambda each: _in(taken, each, 1) - kinds[each]):
            if kind in came or taken[domain, kind] >= stock.get((domain, kind), 0):
                continue
            came[kind] = (domain, kind)
            if _in(taken, kind, 1) < kinds[kind]:
                _shift(start, kind, came, taken)
                return True
            for other in domains:
                if other not in seen and taken[other, kind] > anchors.get((other, kind), 0):
                    seen.add(other)
                    came[f"domain {other}"] = (other, kind)
                    fronts.append(other)
    return False


def _shift(start: str, kind: str, came: Mapping[str, Cell], taken: dict[Cell, int]) -> None:
    """Walk back along the path: a cell gains, the one that made room for it loses."""
    domain, _ = came[kind]
    taken[domain, kind] += 1
    while domain != start:
        cell = came[f"domain {domain}"]
        taken[cell] -= 1
        domain, kind = came[cell[1]]
        taken[domain, kind] += 1


def _fill_up(
    domains: Mapping[str, int], kinds: Mapping[str, int], stock: Mapping[Cell, int], taken: dict[Cell, int]
) -> None:
    """Where kinds do not suffice, the domain counts more: it decides whether somebody passes."""
    for domain, wanted in domains.items():
        for kind in kinds:
            missing = wanted - _in(taken, domain, 0)
            taken[domain, kind] += max(0, min(missing, stock.get((domain, kind), 0) - taken[domain, kind]))
