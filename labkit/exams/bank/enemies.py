"""Enemy items: groups of which a form holds one at most, because one gives another away.

They are declared in ``enemies.toml`` beside the items, and drawn apart by
:func:`labkit.exams.drawing.draw_items`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.core.errors import UnknownNameError
from labkit.course.tables import Table, read_source
from labkit.exams.bank.item import BankItem
from labkit.exams.cells import Cell, fill_cells

__all__ = ["ENEMIES", "Enemies", "crowding", "read_enemies"]

ENEMIES = "enemies.toml"
"""Name of the file beside the items."""


@dataclass(frozen=True, slots=True)
class Enemies:
    """Items that never stand in one form, why, and where it is said (``file:line``)."""

    items: tuple[str, ...]
    why: str
    place: str


def read_enemies(folder: Path, items: Mapping[str, BankItem]) -> tuple[Enemies, ...]:
    """Return the groups that are declared beside the items; none without the file.

    Parameters
    ----------
    folder : Path
    items : mapping of str to BankItem
        Every item of the bank, by its id.

    Raises
    ------
    DeclarationError
        Naming file and line: an id that no item has or that is there twice, a group of one, two
        anchors in a group (both stand in every form).
    """
    path = folder / ENEMIES
    if not path.is_file():
        return ()
    top = read_source(path)
    groups = tuple(_enemies(table, items) for table in top.tables("enemies", least=1))
    top.finish()
    return groups


def _enemies(table: Table, items: Mapping[str, BankItem]) -> Enemies:
    ids = table.texts("items")
    for id in ids:
        if id not in items:
            raise table.error("items", str(UnknownNameError("item of the exam", id, list(items))))
    if len(ids) < 2 or len(set(ids)) < len(ids):
        raise table.error("items", f"expected two items or more, each once; got {', '.join(ids) or 'none'}")
    anchors = [id for id in ids if items[id].anchor and items[id].status == "reviewed"]
    if len(anchors) > 1:
        raise table.error("items", f"{' and '.join(anchors)} are anchors: both would stand in every form")
    place = f"{table.source.path}:{table.source.line((*table.place, 'items'))}"
    group = Enemies(ids, table.text("why"), place)
    table.finish()
    return group


def crowding(
    items: Sequence[BankItem],
    groups: Sequence[Enemies],
    domains: Mapping[str, int],
    kinds: Mapping[str, int],
) -> str:
    """Return which group leaves too few items for some form, and of what; empty when all can be filled.

    A form is held to what is left of each cell in the worst case: of items that are enemies, also
    by way of others, one stays for certain, and it may be of another cell.

    Parameters
    ----------
    items : sequence of BankItem
        Those that may be drawn.
    groups : sequence of Enemies
        Blamed in this order: the first without which there is enough.
    domains, kinds : mapping of str to int
        How many items of each a form has.
    """
    if _missing(items, (), domains, kinds):
        return ""  # the bank is too small by itself, and that is said elsewhere
    for count, group in enumerate(groups, start=1):
        if missing := _missing(items, groups[:count], domains, kinds):
            return (
                f"{group.place}: with {', '.join(group.items)} kept apart a form may lack {missing}: "
                "write more items, or take one out of the group"
            )
    return ""


def _missing(
    items: Sequence[BankItem],
    groups: Sequence[Enemies],
    domains: Mapping[str, int],
    kinds: Mapping[str, int],
) -> str:
    """Return how many items of which domains and kinds a form may lack."""
    stock = Counter((item.domain, item.group) for item in items)
    for together in _joined([set(group.items) for group in groups]):
        stock -= _at_risk([item for item in items if item.id in together])
    anchors = Counter((item.domain, item.group) for item in items if item.anchor)
    taken = fill_cells(domains, kinds, stock, anchors)
    short = [
        f"{count - got} of {name}"
        for side, wanted in enumerate((domains, kinds))
        for name, count in wanted.items()
        if (got := sum(each for cell, each in taken.items() if cell[side] == name)) < count
    ]
    return " and ".join(short)


def _at_risk(enemies: Sequence[BankItem]) -> Counter[Cell]:
    """Return how many items of each cell may have to give way to their enemies."""
    cells = Counter((item.domain, item.group) for item in enemies)
    anchors = Counter((item.domain, item.group) for item in enemies if item.anchor)
    # Anchors stay. Without one, somebody of the group does, and of one cell it is known of which.
    stays = anchors or (Counter(list(cells)) if len(cells) == 1 else Counter())
    return cells - stays


def _joined(groups: Iterable[set[str]]) -> list[set[str]]:
    """Return the groups, those that share an item as one."""
    apart: list[set[str]] = []
    for group in groups:
        touching = [other for other in apart if other & group]
        apart = [other for other in apart if not other & group] + [group.union(*touching)]
    return apart
