"""What a candidate sees of an item, and by which numbers an answer names it.

Files list a right option where the author found it easiest to write, the steps of an order in
their order, and pairs side by side.  So the numbers that a candidate sees must not be places in the
file.  A *position* is the place of a text among the texts beside it, sorted by the SHA-256 of
item, revision and text: it is the same for everybody, does not change with the variant, and says
nothing about what is right.  A form then says in which order the positions are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.exams.bank.filling import filled
from labkit.exams.bank.item import BankItem, Exhibit

__all__ = ["blank_order", "declared_places", "public_view", "sizes"]


def sizes(item: BankItem) -> tuple[int, ...]:
    """Return how many things are shown in an order of the form.

    Options of a single or multiple item, right sides of pairs, steps: one number.  A scenario has
    one for each of its questions, a numeric item none.
    """
    return tuple(len(texts) for texts in _lists(item))


def blank_order(item: BankItem) -> list[list[int]]:
    """Return the order in which positions are counted, one list for each of :func:`sizes`."""
    return [list(range(size)) for size in sizes(item)]


def declared_places(item: BankItem) -> list[list[int]]:
    """Return for each position which place in the file it stands for; trusted side only.

    ``item`` is the item as it was read, not one that a variant was filled into.
    """
    return [
        sorted(range(len(texts)), key=lambda i: _rank(item, number, texts[i]))
        for number, texts in enumerate(_lists(item))
    ]


def public_view(item: BankItem, variant: str, order: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return the item as plain JSON, without what is right and without reasons.

    Parameters
    ----------
    item : BankItem
    variant : str
        One of ``item.variant_ids``.
    order : sequence of sequence of int
        One permutation of the positions for each of :func:`sizes`.

    Returns
    -------
    dict
        ``id``, ``revision``, ``variant``, ``kind``, ``domain``, ``question``, ``exhibit`` (or None) and

        - single, multiple, scenario: ``parts``, each with ``question``, ``several`` (whether more than one
          option may be picked) and ``options`` of ``position`` and ``text``;
        - matching: ``lefts`` (texts) and ``rights`` of ``position`` and ``text``;
        - ordering: ``steps`` of ``position`` and ``text``;
        - numeric: ``unit``.

    Raises
    ------
    InvalidInputError
        When ``order`` is none of this item.
    UnknownNameError
        When the item has no such variant.
    """
    places, said = declared_places(item), filled(item, variant)
    if len(order) != len(places) or any(
        sorted(own) != list(range(len(known))) for own, known in zip(order, places, strict=True)
    ):
        raise InvalidInputError(
            f"expected an order of {list(map(len, places))} positions for {item.id}, got {order!r}"
        )
    shown = [
        [{"position": position, "text": texts[known[position]]} for position in own]
        for own, known, texts in zip(order, places, _lists(said), strict=True)
    ]
    view: dict[str, Any] = {
        "id": item.id,
        "revision": item.revision,
        "variant": variant,
        "kind": item.kind,
        "domain": item.domain,
        "question": said.question,
        "exhibit": _plain(said.exhibit),
    }
    if said.parts:
        # An item of one question has it once, above its options.
        view["parts"] = [
            {
                "question": part.question if item.kind == "scenario" else "",
                "several": len(part.right) > 1,
                "options": options,
            }
            for part, options in zip(said.parts, shown, strict=True)
        ]
    if said.pairs:
        view |= {"lefts": [pair.left for pair in said.asked], "rights": shown[0]}
    if said.steps:
        view["steps"] = shown[0]
    if said.number:
        view["unit"] = said.number.unit
    return view


def _lists(item: BankItem) -> list[list[str]]:
    if item.pairs:
        return [[pair.right for pair in item.pairs]]
    if item.steps:
        return [[step.text for step in item.steps]]
    return [[option.text for option in part.options] for part in item.parts]


def _rank(item: BankItem, number: int, text: str) -> bytes:
    return sha256(f"{item.id}|{item.revision}|{number}|{text}".encode()).digest()


def _plain(exhibit: Exhibit | None) -> dict[str, Any] | None:
    if exhibit is None:
        return None
    plain: dict[str, Any] = {"kind": exhibit.kind, "title": exhibit.title}
    if exhibit.kind == "table":
        return plain | {"columns": list(exhibit.columns), "rows": [list(row) for row in exhibit.rows]}
    return plain | {"text": exhibit.text}
