"""What each revision of an item said, so that a form that names it means the same for ever.

``revisions.json`` beside the items holds a digest of what a candidate sees of each reviewed item and
of its key.  Reasons, difficulty and sources may be improved within a revision; words and key may not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.core.errors import DeclarationError
from labkit.core.files import write_whole
from labkit.evidence.entry import canonical
from labkit.exams.bank.collection import Bank, read_bank
from labkit.exams.bank.item import BankItem

__all__ = ["item_digest", "read_revisions", "record_revisions", "revision_findings"]

NAME = "revisions.json"


def item_digest(item: BankItem) -> str:
    """Return the SHA-256 of everything about an item that an answer depends on."""
    content = {
        "kind": item.kind,
        "question": item.question,
        "exhibit": None if item.exhibit is None else asdict(item.exhibit),
        "parts": [
            [part.question, [[option.text, option.correct] for option in part.options]] for part in item.parts
        ],
        "pairs": [[pair.left, pair.right] for pair in item.pairs],
        "steps": [step.text for step in item.steps],
        "number": None
        if item.number is None
        else [item.number.value, item.number.tolerance, item.number.unit],
        "variants": [[each.id, dict(each.words), each.value] for each in item.variants],
    }
    return sha256(canonical(content)).hexdigest()


def read_revisions(folder: Path) -> Mapping[str, tuple[int, str]]:
    """Return revision and digest that were recorded for each item; empty where nothing was.

    Raises
    ------
    DeclarationError
        When the record is none.
    """
    path = folder / NAME
    if not path.is_file():
        return MappingProxyType({})
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = {id: (int(each["revision"]), str(each["digest"])) for id, each in held.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DeclarationError(path, None, f"expected revision and digest of each item: {error}") from None
    return MappingProxyType(found)


def record_revisions(folder: Path) -> Bank:
    """Record the reviewed items of a folder, and return the bank.

    Raises
    ------
    DeclarationError
        When an item says something else than what was recorded for the same revision.
    """
    bank, held = read_bank(folder), read_revisions(folder)
    for id, problem in _conflicts(bank, held):
        raise DeclarationError(folder / NAME, None, f"{id}: {problem}")
    content = {id: {"revision": revision, "digest": digest} for id, (revision, digest) in held.items()}
    content |= {item.id: {"revision": item.revision, "digest": item_digest(item)} for item in bank.live()}
    write_whole(folder / NAME, json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")
    return bank


def revision_findings(bank: Bank, held: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, str]]:
    """Yield ids of items that do not agree with the record, and why."""
    yield from _conflicts(bank, held)
    for item in bank.live():
        if item.id not in held or held[item.id][0] < item.revision:
            yield item.id, "this revision is not recorded yet: labkit exam check items --record"


def _conflicts(bank: Bank, held: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, str]]:
    for id, (revision, digest) in held.items():
        if id not in bank.items:
            yield id, "it was drawn from and is gone: put it back and retire it"
        elif bank.items[id].revision < revision:
            yield id, f"revision {revision} was recorded, and it says {bank.items[id].revision}"
        elif bank.items[id].revision == revision and item_digest(bank.items[id]) != digest:
            yield id, f"words or key differ from what was recorded: raise the revision above {revision}"
