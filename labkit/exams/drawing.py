"""Draw a form: everything follows from the master key and the session, and from nothing else.

``HMAC-SHA256(master, "session|slot")`` (RFC 2104) picks a variant out of the reviewed pool.  Who
has no master key can neither foresee a draw nor tell afterwards what it was; who has it can draw
it again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.core.errors import InvalidInputError
from labkit.exams.blueprint import Blueprint
from labkit.exams.cells import fill_cells
from labkit.exams.form import FormItem
from labkit.exams.task.types import Variant

if TYPE_CHECKING:
    from labkit.exams.bank import BankItem

__all__ = ["commitment", "draw_items", "draw_variant"]


def draw_variant(master: bytes, session: str, slot: str, pool: Sequence[Variant]) -> Variant:
    """Return the variant of ``slot`` that ``session`` gets.

    Raises
    ------
    InvalidInputError
        When no variant of the pool was reviewed.
    """
    reviewed = sorted((variant for variant in pool if variant.reviewed), key=lambda variant: variant.id)
    if not reviewed:
        raise InvalidInputError(f"{slot}: no variant of the pool was reviewed, so none can be drawn")
    return reviewed[_number(master, f"{session}|{slot}") % len(reviewed)]


def commitment(master: bytes, session: str, slot: str, variant: str) -> str:
    """Return what a form says about a variant: it can be checked later and not guessed now."""
    return _digest(master, f"{session}|{slot}|{variant}").hex()


def draw_items(
    master: bytes,
    session: str,
    blueprint: Blueprint,
    items: Iterable[BankItem],
    *,
    used: Mapping[str, int] | None = None,
    most_used: int | None = None,
) -> tuple[FormItem, ...]:
    """Return the items of a form, as the blueprint spreads them over domains and kinds.

    Anchors are always in.  Where the bank has too few of something, the form has fewer.

    Parameters
    ----------
    master : bytes
    session : str
    blueprint : Blueprint
    items : iterable of BankItem
        Reviewed items.
    used : mapping of str to int, optional
        How often an item was issued before.
    most_used : int, optional
        Items that were issued so often are drawn only where there are no others.

    Returns
    -------
    tuple of FormItem
        By domain, in an order of the session within each.
    """
    before = {} if used is None else used
    cells: dict[tuple[str, str], list[BankItem]] = {}
    for item in items:
        cells.setdefault((item.domain, item.group), []).append(item)
    for listed in cells.values():
        listed.sort(key=lambda item: _rank(master, session, item, before, most_used))
    counts = fill_cells(
        {domain.id: domain.items for domain in blueprint.domains},
        blueprint.kinds,
        {cell: len(listed) for cell, listed in cells.items()},
        {cell: sum(item.anchor for item in listed) for cell, listed in cells.items()},
    )
    drawn = [item for cell, count in counts.items() for item in cells[cell][:count]]
    places = {domain.id: place for place, domain in enumerate(blueprint.domains)}
    drawn.sort(key=lambda item: (places[item.domain], _digest(master, f"{session}|place|{item.id}")))
    return tuple(_form_item(master, session, item) for item in drawn)


def _rank(
    master: bytes, session: str, item: BankItem, used: Mapping[str, int], most: int | None
) -> tuple[bool, bool, bytes]:
    worn = most is not None and used.get(item.id, 0) >= most
    return (not item.anchor, worn, _digest(master, f"{session}|item|{item.id}"))


def _form_item(master: bytes, session: str, item: BankItem) -> FormItem:
    from labkit.exams.bank import sizes

    wordings = item.variant_ids
    chosen = wordings[_number(master, f"{session}|wording|{item.id}") % len(wordings)]
    order = tuple(
        tuple(sorted(range(size), key=lambda at: _digest(master, f"{session}|order|{item.id}|{part}|{at}")))
        for part, size in enumerate(sizes(item))
    )
    return FormItem(item.id, item.revision, chosen, order)


def _digest(master: bytes, text: str) -> bytes:
    return hmac.new(master, text.encode(), hashlib.sha256).digest()


def _number(master: bytes, text: str) -> int:
    return int.from_bytes(_digest(master, text)[:8], "big")
