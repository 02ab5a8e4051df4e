"""Draw a form: everything follows from the master key and the session, and from nothing else.

``HMAC-SHA256(master, "session|slot")`` (RFC 2104) picks a variant out of the reviewed pool.  Who
has no master key can neither foresee a draw nor tell afterwards what it was; who has it can draw
it again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    enemies: Iterable[Collection[str]] = (),
    used: Mapping[str, int] | None = None,
    most_used: int | None = None,
) -> tuple[FormItem, ...]:
    """Return the items of a form, as the blueprint spreads them over domains and kinds.

    Anchors are always in.  Where two enemies meet, the one that is later in the order of the
    session gives way and the form is drawn again, so a form without such a meeting is what it
    would be if nobody had declared them.  Where the bank has too few of something, the form has
    fewer: ``labkit exam check`` says so beforehand, and nobody's sitting fails to open.

    Parameters
    ----------
    master : bytes
    session : str
    blueprint : Blueprint
    items : iterable of BankItem
        Reviewed items.
    enemies : iterable of collections of str, optional
        Ids of which a form holds one at most.
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
    ranked = sorted(items, key=lambda item: _rank(master, session, item, before, most_used))
    groups = [frozenset(group) for group in enemies]
    # Counts of a domain do not divide evenly into kinds. Who gets the rest is by lot as well: in one
    # order for all, some cells would give nothing but their anchor to any form.
    domains = _by_lot(master, session, {domain.id: domain.items for domain in blueprint.domains})
    kinds = _by_lot(master, session, blueprint.kinds)
    drawn = _drawn(domains, kinds, ranked)
    while gone := _giving_way(drawn, groups):
        ranked = [item for item in ranked if item.id not in gone]
        drawn = _drawn(domains, kinds, ranked)
    places = {domain.id: place for place, domain in enumerate(blueprint.domains)}
    drawn.sort(key=lambda item: (places[item.domain], _digest(master, f"{session}|place|{item.id}")))
    return tuple(_form_item(master, session, item) for item in drawn)


def _by_lot(master: bytes, session: str, counts: Mapping[str, int]) -> dict[str, int]:
    names = sorted(counts, key=lambda name: _digest(master, f"{session}|turn|{name}"))
    return {name: counts[name] for name in names}


def _drawn(
    domains: Mapping[str, int], kinds: Mapping[str, int], ranked: Sequence[BankItem]
) -> list[BankItem]:
    """Return the first of each cell of domain and kind, as many as it has to give, still in their order."""
    stock = Counter((item.domain, item.group) for item in ranked)
    anchors = Counter((item.domain, item.group) for item in ranked if item.anchor)
    left = Counter(fill_cells(domains, kinds, stock, anchors))
    drawn = []
    for item in ranked:
        if left[item.domain, item.group] > 0:
            left[item.domain, item.group] -= 1
            drawn.append(item)
    return drawn


def _giving_way(drawn: Sequence[BankItem], groups: Sequence[frozenset[str]]) -> set[str]:
    """Return the items that meet an enemy which comes before them: an anchor, a fresher one, or by lot."""
    stays: set[str] = set()
    for item in drawn:
        if not any(item.id in group and group & stays for group in groups):
            stays.add(item.id)
    return {item.id for item in drawn} - stays


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
