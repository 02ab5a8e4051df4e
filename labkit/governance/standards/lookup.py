"""Look up an entry of a standard by its id.

Most ids name one entry ("AML.T0015", "MEASURE 2.7", "ML01:2023").  A few short ones, such
as "A.5" or "Art. 9", stand in several standards; those are written with the id of the
standard in front: "iso-42001/A.5".
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError

__all__ = ["Entry", "Standard", "index", "lookup", "standards"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Standard:
    """One published list, in the edition that is bundled.

    Attributes
    ----------
    id, title, publisher, edition : str
    as_of : str
        Day the facts were read, ``YYYY-MM-DD``.
    confidence : str
        How well the facts are supported: primary, secondary, background or disputed.
    entries : int
        Number of entries in the table.
    """

    id: str
    title: str
    publisher: str
    edition: str
    as_of: str
    confidence: str
    entries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a standard.

    Attributes
    ----------
    id, title, summary : str
        As published, except the summary, which is ours.
    standard, standard_title : str
        Id and title of the list that the entry belongs to.
    section : str
        Part of the list, for example ``techniques`` or ``mitigations``.
    edition, as_of, confidence, source : str
        Where the entry was read, and how far that is to be trusted.
    parent, formerly : str
        Id of the entry above, and an earlier title; empty where there is none.
    applies_from : str
        Day or days from which a legal entry applies, as the table says it; empty elsewhere.
    """

    id: str
    title: str
    standard: str
    standard_title: str
    section: str
    edition: str
    as_of: str
    confidence: str
    summary: str
    source: str
    parent: str = ""
    formerly: str = ""
    applies_from: str = ""

    @property
    def qualified_id(self) -> str:
        """The id with its standard in front, which is never ambiguous."""
        return f"{self.standard}/{self.id}"


def lookup(id: str) -> Entry:
    """Return the entry with this id, for example ``AML.T0015`` or ``iso-42001/A.5``.

    Raises
    ------
    UnknownNameError
        When no bundled list has the id; the message names the nearest ones.
    InvalidInputError
        When several standards have it; the message says how to write each of them.
    """
    entries = index().get(id, ())
    if len(entries) == 1:
        standard, _, plain = entries[0].partition("/")
        return _entries(_tables()[standard])[plain]
    if entries:
        raise InvalidInputError(f"the id {id!r} stands in several standards: write {' or '.join(entries)}")
    if id in _raw_index()["renamed"]:
        successor = _raw_index()["renamed"][id]
        raise UnknownNameError(
            f"current entry of a standard (it was renamed to {successor})", id, [successor]
        )
    near = difflib.get_close_matches(id, index(), n=6, cutoff=0.6)
    raise UnknownNameError("entry of a bundled standard", id, near or _tables())


def standards() -> list[Standard]:
    """Return every bundled list, sorted by id."""
    found = [Standard(**about) for about in _raw_index()["standards"].values()]
    return sorted(found, key=lambda standard: standard.id)


@lru_cache(maxsize=1)
def index() -> Mapping[str, tuple[str, ...]]:
    """Return every accepted id with the qualified ids that it stands for."""
    names = {table: about["id"] for table, about in _raw_index()["standards"].items()}
    found: dict[str, tuple[str, ...]] = {}
    for plain, *tables in _raw_index()["ids"]:
        qualified = tuple(f"{names[table]}/{plain}" for table in tables)
        found[plain] = qualified
        found |= {name: (name,) for name in qualified}
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def _raw_index() -> dict[str, Any]:
    return _read("index")


def _tables() -> dict[str, str]:
    """Return the file that holds each standard, by the id of the standard."""
    return {about["id"]: table for table, about in _raw_index()["standards"].items()}


@lru_cache(maxsize=64)
def _entries(table: str) -> dict[str, Entry]:
    raw = _read(table)
    common = {
        "standard": raw["id"],
        "standard_title": raw["title"],
        "edition": raw["edition"],
        "as_of": raw["as_of"],
    }
    return {item["id"]: Entry(**(common | item)) for item in raw["entries"]}


def _read(table: str) -> dict[str, Any]:
    return json.loads((_HERE / f"{table}.json").read_text(encoding="utf-8"))
